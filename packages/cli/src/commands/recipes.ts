/** Commands to begin with: docs/cli.md has what they came to. */
export const recipes = `
Recipes (docs/cli.md has their numbers):
  photos, small files
    vq train photos/ --out runs/small --bits-per-pixel 0.25 --batch 8 --steps 6500
  photos, good quality
    vq train photos/ --out runs/good --bits-per-pixel 2 --batch 8 --steps 4000
  tokens for a transformer, 16 x 16 of 1024 codes
    vq train photos/ --out runs/tokens --crop 128 --patch 8 --width 128 --codes 1024 --batch 8 --steps 1500
  digits
    vq train train-images-idx3-ubyte.gz --out runs/digits --patch 4 --codes 64 --steps 4000
  speech, 4 kbit/s and 6 kbit/s (docs/speech.md)
    vq train speech/ --out runs/speech --bitrate 4000 --steps 4000
    vq train speech/ --out runs/speech --bitrate 6000 --steps 4000`;
