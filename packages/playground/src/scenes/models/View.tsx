import { useEffect, useState } from "preact/hooks";
import { download } from "../../parts/download.ts";
import { Failed } from "../../parts/Failed.tsx";
import { FileDrop } from "../../parts/FileDrop.tsx";
import { Explained } from "../../parts/Hint.tsx";
import type { SceneProps } from "../scene.ts";
import { CodesWork } from "./CodesWork.tsx";
import type {
  ModelsSettings,
  ModelsSnapshot,
  NamedFile,
  OpenedCodes,
  OpenedModel,
} from "./contract.ts";
import { PictureWork } from "./PictureWork.tsx";
import { DecodedSounds, SoundWork } from "./SoundWork.tsx";
import { TorchForm } from "./TorchForm.tsx";
import { VectorWork } from "./VectorWork.tsx";

type Props = SceneProps<ModelsSettings, ModelsSnapshot>;

/** Files larger than this are not read at all. */
const mostBytes = 2 ** 30;

async function read(files: readonly File[]): Promise<NamedFile[]> {
  const readable = files.filter(({ name }) => /\.(safetensors|vq)$/.test(name));
  if (readable.length === 0) {
    throw new Error(
      `Expected a .safetensors or .vq file, or the folder of a run, got ${files[0]?.name ?? "none"}.`,
    );
  }
  const large = readable.find(({ size }) => size > mostBytes);
  if (large) throw new Error(`${large.name}: expected at most 1 GiB, got ${large.size} bytes.`);
  return Promise.all(
    readable.map(async (file) => ({
      name: file.name,
      bytes: new Uint8Array(await file.arrayBuffer()),
    })),
  );
}

export function ModelsScene({ snapshot, session, settings, set }: Props) {
  const [opened, setOpened] = useState<ModelsSnapshot>();
  const [error, setError] = useState("");
  const [version, setVersion] = useState(0);
  const shown = opened ?? snapshot;

  /** Asks the worker; what is open is another thing afterwards. */
  const ask = async (name: string, argument?: unknown) => {
    try {
      setOpened(await session.call<ModelsSnapshot>(name, argument));
      setError("");
      setVersion((before) => before + 1);
    } catch (thrown) {
      setError((thrown as Error).message);
    }
  };
  const open = (files: readonly File[]) =>
    read(files).then(
      (named) => ask("open", named),
      (thrown: Error) => setError(thrown.message),
    );
  const isThere = snapshot !== undefined;
  useEffect(() => {
    if (isThere) ask("sample");
  }, [isThere]);

  const { model, tensors, codes } = shown ?? {};
  const busy = !model && !tensors && !codes && !error;
  return (
    <div class="stage">
      <div class="main">
        <Failed words={error} />
        {busy && <p role="status">Training a small model of pictures to begin with ...</p>}
        {model && <About model={model} />}
        {tensors && (
          <TorchForm {...{ tensors, settings, set }} onOpen={(form) => ask("interpret", form)} />
        )}
        {model?.medium === "pictures" && (
          <PictureWork key={version} session={session} model={model} />
        )}
        {model?.medium === "vectors" && (
          <VectorWork key={version} session={session} model={model} />
        )}
        {model?.rate !== undefined && (
          <SoundWork key={version} session={session} rate={model.rate} />
        )}
        {codes && <AboutCodes codes={codes} hasModel={model !== undefined} />}
        {codes && model?.medium === "pictures" && <CodesWork key={version} session={session} />}
        {codes && model?.rate !== undefined && (
          <DecodedSounds key={version} session={session} rate={model.rate} />
        )}
      </div>
      <div class="side">
        <fieldset>
          <legend>Open</legend>
          <FileDrop label="Files ..." accept=".safetensors,.vq" multiple folder onFiles={open}>
            <ul>
              <li>
                the folder of a run of <code>vq train</code>
              </li>
              <li>
                a <code>.vq</code> file; its model first, or with it
              </li>
              <li>
                a <code>.safetensors</code> file of a quantizer of PyTorch
              </li>
            </ul>
          </FileDrop>
          <p class="note">Files stay in this tab: nothing is sent anywhere.</p>
        </fieldset>
        {model && (
          <button
            type="button"
            class="button"
            onClick={async () => download("model.safetensors", await session.call("save"))}
          >
            Save the model
          </button>
        )}
      </div>
      <div class="words">
        <h3>What one can do here</h3>
        <p>
          A model that <code>vq train</code> or the scene Images made turns pictures into{" "}
          <Explained word="code">codes</Explained> and codes into pictures, here as in Node: the
          codes are the same to the last one, which their digest shows. The digest is the beginning
          of the SHA-256 of all codes, four bytes each.
        </p>
        <p>
          A quantizer of PyTorch needs to be told its class and options; what the names and shapes
          of its arrays tell is filled in. <code>vq import</code> does the same on the command line.
        </p>
      </div>
    </div>
  );
}

function About({ model }: { readonly model: OpenedModel }) {
  const { file, type, codebookSizes, numbers, medium, patch, rate } = model;
  const [size] = codebookSizes;
  const layers = codebookSizes.length;
  const facts: [string, string][] = [
    ["file", file],
    ["quantizer", type],
    ["codes", layers > 1 ? `${layers} layers of ${size}` : `${size}`],
    ["takes", medium === "vectors" ? `vectors of ${model.dim}` : medium],
    ["numbers in it", numbers.toLocaleString("en")],
    ...(patch ? ([["a code stands for", `${patch} x ${patch} pixels`]] as [string, string][]) : []),
    ...(rate ? ([["rate", `${rate} Hz`]] as [string, string][]) : []),
  ];
  return (
    <dl class="facts plain">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function AboutCodes({
  codes,
  hasModel,
}: {
  readonly codes: OpenedCodes;
  readonly hasModel: boolean;
}) {
  const { file, count, bytes, layers, of, prior, damage } = codes;
  return (
    <>
      <dl class="facts plain">
        {(
          [
            ["codes in", file],
            ["pictures or sounds", `${count}`],
            ["bytes", bytes.toLocaleString("en")],
            ["layers", layers.join(", ")],
            ["quantizer", of ?? "not said"],
            ...(prior ? [["prior", prior]] : []),
          ] as [string, string][]
        ).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {damage.map((what) => (
        <p key={what} class="error">
          {what}
        </p>
      ))}
      {!hasModel && <p>Open the model too, and this file's pictures are decoded.</p>}
    </>
  );
}
