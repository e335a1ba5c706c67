import type { ComponentChildren, TargetedToggleEvent } from "preact";
import { useId, useRef } from "preact/hooks";
import { type Word, words } from "./words.ts";

interface HintProps {
  /** What it explains, for those who can't see where it stands. */
  readonly of: string;
  readonly children: ComponentChildren;
}

/** Puts a popover under what opened it, within the window. */
function place(popover: HTMLElement, { left, bottom, top }: DOMRect): void {
  const { width, height } = popover.getBoundingClientRect();
  const fits = bottom + height + 14 < innerHeight;
  const x = Math.min(Math.max(16, left - 12), Math.max(16, innerWidth - width - 16));
  popover.style.left = `${x}px`;
  popover.style.top = `${fits ? bottom + 6 : Math.max(8, top - height - 6)}px`;
}

function usePopover() {
  const id = useId().replaceAll(":", "");
  const button = useRef<HTMLButtonElement>(null);
  const onToggle = (event: TargetedToggleEvent<HTMLElement>) => {
    if (event.newState === "open" && button.current) {
      place(event.currentTarget, button.current.getBoundingClientRect());
    }
  };
  return { id, button, onToggle };
}

/** A question mark that opens an explanation. */
export function Hint({ of, children }: HintProps) {
  const { id, button, onToggle } = usePopover();
  return (
    <>
      <button
        ref={button}
        type="button"
        class="hint"
        popovertarget={id}
        aria-label={`What is ${of}?`}
      >
        ?
      </button>
      <div id={id} popover="auto" onToggle={onToggle}>
        {children}
      </div>
    </>
  );
}

/** A word in a text that opens its own explanation. */
export function Explained({ word, children }: { word: Word; children?: ComponentChildren }) {
  const { id, button, onToggle } = usePopover();
  return (
    <>
      <button ref={button} type="button" class="term" popovertarget={id}>
        {children ?? word}
      </button>
      <span id={id} popover="auto" onToggle={onToggle}>
        {words[word]}
      </span>
    </>
  );
}
