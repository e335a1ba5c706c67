/** All that the report runs: it moves sliders' lines and reads charts. Without it the page is still whole. */
export const script = `
for (const input of document.querySelectorAll(".pair input")) {
  const move = () => input.parentElement.style.setProperty("--at", input.value + "%");
  input.addEventListener("input", move);
  move();
}
for (const input of document.querySelectorAll(".reader")) {
  const figure = input.closest("figure");
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const output = figure.querySelector("output");
  const { x, steps, from, to, left, right, lines } = JSON.parse(figure.querySelector("script").textContent);
  const nearest = (all, value) => {
    let best = 0;
    for (let i = 1; i < all.length; i++) if (Math.abs(all[i] - value) < Math.abs(all[best] - value)) best = i;
    return best;
  };
  const read = () => {
    const step = steps[input.value];
    const place = left + (step - from) / (to - from) * (right - left);
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    const words = lines.filter(({ at }) => at.length > 0).map(({ name, at, values }) => {
      const i = nearest(at, step);
      return name + " " + values[i] + (at[i] === step ? "" : " (at " + at[i] + ")");
    });
    output.textContent = x + " " + step + ": " + words.join(", ");
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const place = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    input.value = nearest(steps, from + (place - left) / (right - left) * (to - from));
    figure.classList.add("reading");
    read();
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  input.addEventListener("input", () => {
    figure.classList.add("reading");
    read();
  });
  read();
}
`;
