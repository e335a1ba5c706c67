// Made by `npm run build:kernels` from classes in assembly/. Do not edit.

export const convolutionHeader = {
  bytes: 56,
  fields: {
    bands: { kind: "i32", at: 0 },
    inputBytes: { kind: "i32", at: 4 },
    inputBandBytes: { kind: "i32", at: 8 },
    outputBytes: { kind: "i32", at: 12 },
    outputBandBytes: { kind: "i32", at: 16 },
    rows: { kind: "i32", at: 20 },
    rowBytes: { kind: "i32", at: 24 },
    paddedRows: { kind: "i32", at: 28 },
    paddedRowBytes: { kind: "i32", at: 32 },
    inset: { kind: "i32", at: 36 },
    top: { kind: "i32", at: 40 },
    bandRows: { kind: "i32", at: 44 },
    patches: { kind: "i32", at: 48 },
    parts: { kind: "i32", at: 52 },
  },
} as const;

export const partHeader = {
  bytes: 68,
  fields: {
    positions: { kind: "i32", at: 0 },
    rows: { kind: "i32", at: 4 },
    count: { kind: "i32", at: 8 },
    bandCount: { kind: "i32", at: 12 },
    offsets: { kind: "i32", at: 16 },
    runs: { kind: "i32", at: 20 },
    runBytes: { kind: "i32", at: 24 },
    sources: { kind: "i32", at: 28 },
    gathered: { kind: "i32", at: 32 },
    gatheredBytes: { kind: "i32", at: 36 },
    rowBytes: { kind: "i32", at: 40 },
    outRowBytes: { kind: "i32", at: 44 },
    way: { kind: "i32", at: 48 },
    outputs: { kind: "i32", at: 52 },
    weights: { kind: "i32", at: 56 },
    bias: { kind: "i32", at: 60 },
    accumulators: { kind: "i32", at: 64 },
  },
} as const;
export const PRODUCT = 0;
export const LANES = 1;
export const DOT = 2;

export const spectraHeader = {
  bytes: 52,
  fields: {
    length: { kind: "i32", at: 0 },
    size: { kind: "i32", at: 4 },
    hop: { kind: "i32", at: 8 },
    frames: { kind: "i32", at: 12 },
    bands: { kind: "i32", at: 16 },
    floor: { kind: "f32", at: 20 },
    byMagnitude: { kind: "f32", at: 24 },
    byBand: { kind: "f32", at: 28 },
    window: { kind: "i32", at: 32 },
    twiddles: { kind: "i32", at: 36 },
    places: { kind: "i32", at: 40 },
    ranges: { kind: "i32", at: 44 },
    weights: { kind: "i32", at: 48 },
  },
} as const;

export const operationHeader = {
  bytes: 56,
  fields: {
    kind: { kind: "i32", at: 0 },
    a: { kind: "i32", at: 4 },
    b: { kind: "i32", at: 8 },
    s: { kind: "f64", at: 16 },
    t: { kind: "f64", at: 24 },
    u: { kind: "f64", at: 32 },
    v: { kind: "f64", at: 40 },
    eps: { kind: "f64", at: 48 },
  },
} as const;
export const BLOCK = 1024;
export const LOAD = 0;
export const STORE = 1;
export const SCALE = 2;
export const DECAY = 3;
export const ADAM = 4;
export const MOMENTUM = 5;
export const COLLECT = 6;
export const APPLY = 7;
export const AVERAGE = 8;
export const SQUARES = 9;
export const CLEAR = 10;

export const winogradHeader = {
  bytes: 56,
  fields: {
    bands: { kind: "i32", at: 0 },
    bandTiles: { kind: "i32", at: 4 },
    rows: { kind: "i32", at: 8 },
    columns: { kind: "i32", at: 12 },
    channels: { kind: "i32", at: 16 },
    above: { kind: "i32", at: 20 },
    left: { kind: "i32", at: 24 },
    outRows: { kind: "i32", at: 28 },
    outColumns: { kind: "i32", at: 32 },
    outputs: { kind: "i32", at: 36 },
    side: { kind: "i32", at: 40 },
    inputs: { kind: "i32", at: 44 },
    products: { kind: "i32", at: 48 },
    tile: { kind: "i32", at: 52 },
  },
} as const;
export const STRIP_ROWS = 7;

export const finishJobHeader = {
  bytes: 92,
  fields: {
    kind: { kind: "i32", at: 0 },
    metric: { kind: "i32", at: 4 },
    dim: { kind: "i32", at: 8 },
    rows: { kind: "i32", at: 12 },
    vectors: { kind: "i32", at: 16 },
    tables: { kind: "i32", at: 20 },
    tableFloats: { kind: "i32", at: 24 },
    constants: { kind: "i32", at: 28 },
    blocks: { kind: "i32", at: 32 },
    blockBytes: { kind: "i32", at: 36 },
    fours: { kind: "i32", at: 40 },
    factors: { kind: "i32", at: 44 },
    planes: { kind: "i32", at: 48 },
    moreBits: { kind: "i32", at: 52 },
    ids: { kind: "i32", at: 56 },
    queries: { kind: "i32", at: 60 },
    keep: { kind: "i32", at: 64 },
    group: { kind: "i32", at: 68 },
    keys: { kind: "i32", at: 72 },
    counts: { kind: "i32", at: 76 },
    k: { kind: "i32", at: 80 },
    found: { kind: "i32", at: 84 },
    distances: { kind: "i32", at: 88 },
  },
} as const;

export const finishQueryHeader = {
  bytes: 20,
  fields: {
    item: { kind: "i32", at: 0 },
    items: { kind: "i32", at: 4 },
    slot: { kind: "i32", at: 8 },
    entries: { kind: "i32", at: 12 },
    base: { kind: "f32", at: 16 },
  },
} as const;
export const BY_VECTORS = 0;
export const BY_NIBBLES = 1;
export const BY_BYTES = 2;
export const AS_THEY_ARE = 3;

export const scanJobHeader = {
  bytes: 44,
  fields: {
    blocks: { kind: "i32", at: 0 },
    blockBytes: { kind: "i32", at: 4 },
    fours: { kind: "i32", at: 8 },
    factors: { kind: "i32", at: 12 },
    masks: { kind: "i32", at: 16 },
    constants: { kind: "i32", at: 20 },
    items: { kind: "i32", at: 24 },
    keep: { kind: "i32", at: 28 },
    keys: { kind: "i32", at: 32 },
    counts: { kind: "i32", at: 36 },
    group: { kind: "i32", at: 40 },
  },
} as const;

export const scanItemHeader = {
  bytes: 28,
  fields: {
    query: { kind: "i32", at: 0 },
    queries: { kind: "i32", at: 4 },
    tables: { kind: "i32", at: 8 },
    tableBytes: { kind: "i32", at: 12 },
    entries: { kind: "i32", at: 16 },
    first: { kind: "i32", at: 20 },
    count: { kind: "i32", at: 24 },
  },
} as const;
export const ENTRY = 8;

export const partCoderHeader = {
  bytes: 32,
  fields: {
    dim: { kind: "i32", at: 0 },
    width: { kind: "i32", at: 4 },
    size: { kind: "i32", at: 8 },
    fours: { kind: "i32", at: 12 },
    metric: { kind: "i32", at: 16 },
    books: { kind: "i32", at: 20 },
    order: { kind: "i32", at: 24 },
    matrix: { kind: "i32", at: 28 },
  },
} as const;

export const signCoderHeader = {
  bytes: 48,
  fields: {
    dim: { kind: "i32", at: 0 },
    padded: { kind: "i32", at: 4 },
    bits: { kind: "i32", at: 8 },
    metric: { kind: "i32", at: 12 },
    center: { kind: "i32", at: 16 },
    signs: { kind: "i32", at: 20 },
    shifted: { kind: "i32", at: 24 },
    turned: { kind: "i32", at: 28 },
    rowBytes: { kind: "i32", at: 32 },
    spread: { kind: "f64", at: 40 },
  },
} as const;

export const codebookHeader = {
  bytes: 76,
  fields: {
    dim: { kind: "i32", at: 0 },
    size: { kind: "i32", at: 4 },
    shape: { kind: "i32", at: 8 },
    panels: { kind: "i32", at: 12 },
    codes: { kind: "i32", at: 16 },
    packed: { kind: "i32", at: 20 },
    bias: { kind: "i32", at: 24 },
    mean: { kind: "i32", at: 28 },
    scale: { kind: "i32", at: 32 },
    metric: { kind: "i32", at: 36 },
    unit: { kind: "f64", at: 40 },
    reach: { kind: "f64", at: 48 },
    maxNorm: { kind: "f64", at: 56 },
    tiny: { kind: "f64", at: 64 },
    limit: { kind: "i32", at: 72 },
  },
} as const;
export const WAITING = 12320;

export const filterCodebookHeader = {
  bytes: 144,
  fields: {
    panels: { kind: "i32", at: 0 },
    segments: { kind: "i32", at: 4 },
    shift: { kind: "i32", at: 8 },
    hopeless: { kind: "i32", at: 12 },
    bias: { kind: "f64", at: 16 },
    subspace: { kind: "i32", at: 24 },
    rows: { kind: "i64", at: 32 },
    spent: { kind: "i64", at: 40 },
    steps: { kind: "i32", at: 48 },
    segmentSteps: { kind: "i32", at: 52 },
    packed: { kind: "i32", at: 56 },
    starts: { kind: "i32", at: 60 },
    measures: { kind: "i32", at: 64 },
    rests: { kind: "i32", at: 68 },
    rooms: { kind: "i32", at: 72 },
    copies: { kind: "i32", at: 76 },
    scale: { kind: "f64", at: 80 },
    digit: { kind: "f64", at: 88 },
    weight: { kind: "f64", at: 96 },
    unit: { kind: "f64", at: 104 },
    rest: { kind: "f64", at: 112 },
    length: { kind: "f64", at: 120 },
    lengthDigit: { kind: "f64", at: 128 },
    coarse: { kind: "i32", at: 136 },
    tree: { kind: "i32", at: 140 },
  },
} as const;

export const principalSubspaceHeader = {
  bytes: 80,
  fields: {
    panels: { kind: "i32", at: 0 },
    segments: { kind: "i32", at: 4 },
    shift: { kind: "i32", at: 8 },
    hopeless: { kind: "i32", at: 12 },
    bias: { kind: "f64", at: 16 },
    subspace: { kind: "i32", at: 24 },
    rows: { kind: "i64", at: 32 },
    spent: { kind: "i64", at: 40 },
    axes: { kind: "i32", at: 48 },
    codes: { kind: "i32", at: 52 },
    integers: { kind: "i32", at: 56 },
    stretch: { kind: "f64", at: 64 },
    slack: { kind: "f64", at: 72 },
  },
} as const;

export const kdTreeHeader = {
  bytes: 32,
  fields: {
    hopeless: { kind: "i32", at: 0 },
    leaves: { kind: "i32", at: 4 },
    order: { kind: "i32", at: 8 },
    codes: { kind: "i32", at: 12 },
    biases: { kind: "i32", at: 16 },
    leafBounds: { kind: "i32", at: 20 },
    branchBounds: { kind: "i32", at: 24 },
    lattice: { kind: "i32", at: 28 },
  },
} as const;

export const latticeHeader = {
  bytes: 60,
  fields: {
    hopeless: { kind: "i32", at: 0 },
    leaves: { kind: "i32", at: 4 },
    center: { kind: "i32", at: 8 },
    codes: { kind: "i32", at: 12 },
    biases: { kind: "i32", at: 16 },
    boxes: { kind: "i32", at: 20 },
    branches: { kind: "i32", at: 24 },
    branchBoxes: { kind: "i32", at: 28 },
    table: { kind: "i32", at: 32 },
    scale: { kind: "f32", at: 36 },
    rest: { kind: "f32", at: 40 },
    error: { kind: "f32", at: 44 },
    errorByLength: { kind: "f32", at: 48 },
    free: { kind: "f32", at: 52 },
    diagonal: { kind: "f32", at: 56 },
  },
} as const;
export const PANEL = 32;
export const GROUP = 24;
export const WINDOW = 1024;
export const ROW = 64;
export const LIST = 528;
export const LEAF = 32;
export const BRANCH = 16;
export const DIGIT = 127;
export const MOST_OF_LENGTH = 63;
export const FEATURES = 8;
export const MOST_LEAVES = 2048;
export const ROUND_BYTES = 123776;
