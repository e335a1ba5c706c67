import { useState } from "preact/hooks";
import { Select, Text } from "../../parts/fields.tsx";
import type { ModelsSettings, OpenedTensors } from "./contract.ts";

/** The classes of the reference that can be opened. */
const classes = [
  "VectorQuantize",
  "ResidualVQ",
  "GroupedResidualVQ",
  "SimVQ",
  "ResidualSimVQ",
  "RandomProjectionQuantizer",
  "FSQ",
  "ResidualFSQ",
  "GroupedResidualFSQ",
  "LFQ",
  "ResidualLFQ",
  "GroupedResidualLFQ",
  "FSP",
  "LatentQuantize",
  "HierarchicalVQ",
  "BinaryMapper",
] as const;

interface TorchFormProps {
  readonly tensors: OpenedTensors;
  readonly settings: ModelsSettings;
  readonly set: (some: Partial<ModelsSettings>) => void;
  readonly onOpen: (form: ModelsSettings) => void;
}

/** Asks what a state_dict does not say: its class and options. */
export function TorchForm({ tensors, settings, set, onOpen }: TorchFormProps) {
  const [form, setForm] = useState(tensors.guess ?? settings);
  const change = (some: Partial<ModelsSettings>) => {
    const next = { ...form, ...some };
    setForm(next);
    set(next);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onOpen(form);
      }}
    >
      <fieldset>
        <legend>
          {tensors.file}: {tensors.tensors.length} arrays of PyTorch
        </legend>
        <Select
          label="Class"
          hint="The class of the quantizer in vector-quantize-pytorch."
          value={form.className}
          choices={classes.map((name) => [name, name] as const)}
          onChange={(className) => change({ className })}
        />
        <Text
          label="Options"
          hint="What it was constructed with, as JSON, under Python's names; true, false and null in place of True, False and None."
          value={form.kwargs}
          placeholder='{"dim": 64, "codebook_size": 512}'
          onChange={(kwargs) => change({ kwargs })}
        />
        <Text
          label="Place in the network"
          hint="The beginning of the names of its arrays, such as 1.layers.0, if the file is of a whole network; else empty."
          value={form.prefix}
          onChange={(prefix) => change({ prefix })}
        />
        <button type="submit" class="button first">
          Open it
        </button>
      </fieldset>
      <details>
        <summary>Its arrays</summary>
        <ul class="columns">
          {tensors.tensors.slice(0, 200).map(({ name, shape }) => (
            <li key={name}>
              <code>
                {name} [{shape.join(", ")}]
              </code>
            </li>
          ))}
        </ul>
      </details>
    </form>
  );
}
