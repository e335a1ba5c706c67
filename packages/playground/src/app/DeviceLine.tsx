import { signal } from "@preact/signals";
import type { Device, DeviceChoice } from "../engine/protocol.ts";
import type { Session } from "../engine/session.ts";
import { Hint } from "../parts/Hint.tsx";

const choice = signal<DeviceChoice>("auto");

/** What computes, in words. */
function named({ backend, threads, webgpu }: Device): string {
  if (backend === "webgpu") {
    return webgpu === "software" ? "WebGPU, in software" : "WebGPU on the graphics card";
  }
  return `WebAssembly on the processor, ${threads} ${threads === 1 ? "thread" : "threads"}`;
}

/** What computes here, and what would make it faster. */
export function DeviceLine({ session }: { session: Session }) {
  const device = session.device.value;
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: it is a landmark, in a frame one of two
    <footer class="device" aria-label="What computes here">
      {device ? (
        <>
          <span data-backend={device.backend}>Computed by {named(device)}</span>
          <span>
            {device.isolated ? "cross-origin isolated" : "not cross-origin isolated"}
            <> </>
            <Hint of="cross-origin isolation">
              Browsers let threads share memory only on pages that are cross-origin isolated, which
              takes two headers of the server (or a service worker that adds them). Without it one
              thread does all the work, to the same results.
            </Hint>
          </span>
          <span>
            How to get faster
            <> </>
            <Hint of="faster">{advice(device)}</Hint>
          </span>
        </>
      ) : (
        <span>Starting ...</span>
      )}
      <label>
        Device
        <select
          value={choice.value}
          onChange={({ currentTarget }) => {
            choice.value = currentTarget.value as DeviceChoice;
            session.choose(choice.value);
          }}
        >
          <option value="auto">what suits the scene</option>
          <option value="wasm">WebAssembly</option>
          <option value="webgpu">WebGPU</option>
        </select>
      </label>
    </footer>
  );
}

function advice({ backend, threads, isolated, webgpu }: Device): string {
  if (!isolated && window.top !== window) {
    return "Open the playground in a tab of its own: in a frame of another page it gets one thread.";
  }
  if (!isolated) {
    return "This page has one thread. Load it again: a service worker then adds the headers that threads need. In a private window, or where service workers are off, it can't.";
  }
  if (backend === "webgpu" && webgpu === "software") {
    return "This WebGPU is made in software. WebAssembly is many times faster here.";
  }
  if (backend === "webgpu") {
    return "A graphics card pays for large models. In the plane there is so little to compute that WebAssembly is faster.";
  }
  const gpu =
    webgpu === "hardware"
      ? " For images and sound try WebGPU: this browser has a graphics card to compute on."
      : "";
  return `All ${threads} threads are in use.${gpu} Node is as fast as this page, without a tab that must stay open: npx vq train.`;
}
