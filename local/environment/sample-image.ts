import { PNG } from "pngjs";

/** A grey picture of the size of a small chest X-ray, drawn, not taken: two dark lungs beside a bright spine. */
export function sampleImage(width = 512, height = 512): Buffer {
  const image = new PNG({ width, height, colorType: 0 });
  const lung = (x: number, y: number, centre: number): number =>
    Math.exp(-(((x - centre) / 0.13) ** 2) - ((y - 0.48) / 0.3) ** 2);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const x = column / width;
      const y = row / height;
      const spine = Math.exp(-(((x - 0.5) / 0.04) ** 2));
      const grey = Math.round(
        255 * Math.min(1, Math.max(0, 0.6 + 0.3 * spine - 0.5 * (lung(x, y, 0.32) + lung(x, y, 0.68)))),
      );
      image.data.set([grey, grey, grey, 255], (row * width + column) * 4);
    }
  }
  return PNG.sync.write(image, { colorType: 0 });
}
