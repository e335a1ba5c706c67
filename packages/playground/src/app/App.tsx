import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { SceneSettings } from "../engine/protocol.ts";
import { Session } from "../engine/session.ts";
import { Failed } from "../parts/Failed.tsx";
import { scenes } from "../scenes/list.ts";
import type { Scene, SceneProps } from "../scenes/scene.ts";
import { DeviceLine } from "./DeviceLine.tsx";
import { linkOf, placeOf, settingsIn, usualIn } from "./link.ts";
import { chooseTheme, theme, themeIsGiven } from "./theme.ts";

const session = new Session();

const found = (hash: string) => {
  const { scene: id, settings } = placeOf(hash);
  const scene = scenes.find((each) => each.id === id) ?? (scenes[0] as Scene);
  return { scene, settings: settingsIn(scene, settings) };
};

/** Where the page is; the address follows it. */
const place = signal(found(location.hash));

function go(hash: string): void {
  const next = found(hash);
  place.value = next;
  session.pace.value = next.scene.pace;
  session.open(next.scene.id, next.settings, next.scene.plays);
}

function set(some: SceneSettings): void {
  const { scene, settings: before } = place.value;
  const settings = { ...before, ...some };
  place.value = { scene, settings };
  history.replaceState(null, "", linkOf(scene.id, settings, usualIn(scene, settings)));
  session.change(settings);
}

go(location.hash);
addEventListener("hashchange", () => go(location.hash));

export function App() {
  const { scene } = place.value;
  useEffect(() => {
    // On a phone the menu is wider than the screen.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest" });
    document.title = `${scene.title} · vector-quantize playground`;
  }, [scene]);
  return (
    <>
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: it is a banner, in a frame one of two */}
      <header class="top" aria-label="Playground">
        <h1>
          <a href={`#/${scenes[0]?.id}`}>vector-quantize playground</a>
        </h1>
        <nav aria-label="Scenes">
          {scenes.map(({ id, title }) => (
            <a key={id} href={`#/${id}`} aria-current={id === scene.id ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {!themeIsGiven && <ThemeButton />}
      </header>
      <main class="scene" aria-labelledby="question">
        <h2 id="question">{scene.question}</h2>
        <p class="lead">{scene.lead}</p>
        <Stage key={scene.id} scene={scene} />
      </main>
      <DeviceLine session={session} />
    </>
  );
}

/** The open scene, once its code is here. */
function Stage({ scene }: { scene: Scene }) {
  const [View, setView] = useState<ComponentType<SceneProps>>();
  const [lost, setLost] = useState(false);
  useEffect(() => {
    scene.view().then(
      (view) => setView(() => view as unknown as ComponentType<SceneProps>),
      () => setLost(true),
    );
  }, [scene]);
  const error = session.error.value;
  return (
    <>
      <Failed words={lost ? "This scene could not be loaded. Is the connection there?" : ""} />
      <Failed words={error} />
      {View && (
        <View
          settings={place.value.settings}
          set={set}
          snapshot={session.snapshot.value}
          session={session}
        />
      )}
    </>
  );
}

function ThemeButton() {
  const names = { "": "as the system", light: "light", dark: "dark" } as const;
  const next = { "": "light", light: "dark", dark: "" } as const;
  return (
    <button
      type="button"
      class="quiet"
      aria-label={`Colours: ${names[theme.value]}. Change`}
      title={`Colours: ${names[theme.value]}`}
      onClick={() => chooseTheme(next[theme.value])}
    >
      {theme.value === "" ? "◐" : theme.value === "light" ? "☀" : "☾"}
    </button>
  );
}
