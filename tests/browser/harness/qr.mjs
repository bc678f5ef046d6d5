// Owns reading a QR code from the screen, as a camera would.

import jsQR from "jsqr";

/** The text of the code that an element shows. Fails when there is none. */
export async function readQrCode(locator) {
  await locator.scrollIntoViewIfNeeded();
  const png = await locator.screenshot();
  const { data, width, height } = await locator.page().evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height);
    return { data: [...pixels.data], width: image.width, height: image.height };
  }, `data:image/png;base64,${png.toString("base64")}`);
  const code = (jsQR.default ?? jsQR)(Uint8ClampedArray.from(data), width, height);
  if (code === null) {
    throw new Error("no QR code could be read");
  }
  return code.data;
}
