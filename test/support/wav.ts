/** WAV files of any kind, for tests of what reads them. */

export interface WavOptions {
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly bits?: 8 | 16 | 24 | 32 | 64;
  readonly float?: boolean;
  readonly extensible?: boolean;
}

/** A WAV file of samples from -1 to 1, channels interleaved. */
export function wavOf(samples: ArrayLike<number>, options: WavOptions = {}): Buffer {
  const { sampleRate = 8000, channels = 1, bits = 16, float = false, extensible = false } = options;
  const width = bits / 8;
  const format = Buffer.alloc(extensible ? 40 : 16);
  const code = float ? 3 : 1;
  format.writeUInt16LE(extensible ? 0xfffe : code, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRate, 4);
  format.writeUInt32LE(sampleRate * channels * width, 8);
  format.writeUInt16LE(channels * width, 12);
  format.writeUInt16LE(bits, 14);
  if (extensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(bits, 18);
    format.writeUInt16LE(code, 24);
  }
  const data = Buffer.alloc(samples.length * width);
  for (let i = 0; i < samples.length; i++) {
    const [value, at] = [samples[i] as number, i * width];
    const whole = Math.round(value * 2 ** (bits - 1));
    if (float && bits === 32) data.writeFloatLE(value, at);
    else if (float) data.writeDoubleLE(value, at);
    else if (bits === 8) data.writeUInt8(whole + 128, at);
    else data.writeIntLE(whole, at, width);
  }
  const content = Buffer.concat([
    Buffer.from("WAVE"),
    chunk("LIST", Buffer.from("odd")),
    chunk("fmt ", format),
    chunk("data", data),
  ]);
  return chunk("RIFF", content);
}

function chunk(name: string, content: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(content.length);
  return Buffer.concat([Buffer.from(name), size, content, Buffer.alloc(content.length % 2)]);
}

/** A tone, `seconds` long. */
export function tone(hertz: number, seconds: number, sampleRate = 8000, loud = 0.5): Float32Array {
  const step = (2 * Math.PI * hertz) / sampleRate;
  return Float32Array.from(
    { length: Math.round(seconds * sampleRate) },
    (_, i) => loud * Math.sin(step * i),
  );
}
