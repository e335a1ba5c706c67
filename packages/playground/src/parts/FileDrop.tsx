import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

interface FileDropProps {
  readonly label: string;
  /** As of `<input type="file">`. */
  readonly accept?: string;
  readonly multiple?: boolean;
  /** Whether a whole folder may be chosen too. */
  readonly folder?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
  readonly children?: ComponentChildren;
}

/** Takes files by drag and drop, or by a button. */
export function FileDrop(props: FileDropProps) {
  const { label, accept, multiple = false, folder = false, onFiles, children } = props;
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folders = useRef<HTMLInputElement>(null);
  const take = (list: FileList | null | undefined) => {
    if (list && list.length > 0) onFiles([...list]);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons in it do the same
    <div
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={async (event) => {
        event.preventDefault();
        setOver(false);
        const { dataTransfer } = event;
        if (!dataTransfer) return;
        const found = await filesOf(dataTransfer);
        if (found.length > 0) onFiles(found);
      }}
    >
      <div class="try">
        <button type="button" class="button small" onClick={() => files.current?.click()}>
          {label}
        </button>
        {folder && (
          <button type="button" class="button small" onClick={() => folders.current?.click()}>
            A folder ...
          </button>
        )}
      </div>
      {children}
      <input
        ref={files}
        type="file"
        hidden
        aria-label={label}
        multiple={multiple}
        {...(accept && { accept })}
        onChange={({ currentTarget }) => take(currentTarget.files)}
      />
      {folder && (
        <input
          ref={folders}
          type="file"
          hidden
          aria-label="A folder"
          {...{ webkitdirectory: true }}
          onChange={({ currentTarget }) => take(currentTarget.files)}
        />
      )}
    </div>
  );
}

/** The files that were dropped; of folders, the files right in them. */
async function filesOf({ items, files }: DataTransfer): Promise<File[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...files];
  const found: File[] = [];
  for (const entry of entries) {
    if (!entry) continue;
    const inside = entry.isDirectory ? await entriesOf(entry as FileSystemDirectoryEntry) : [entry];
    for (const each of inside)
      if (each.isFile) found.push(await fileOf(each as FileSystemFileEntry));
  }
  return found;
}

const entriesOf = (folder: FileSystemDirectoryEntry) =>
  new Promise<FileSystemEntry[]>((resolve, reject) => {
    folder.createReader().readEntries(resolve, reject);
  });

const fileOf = (entry: FileSystemFileEntry) =>
  new Promise<File>((resolve, reject) => entry.file(resolve, reject));
