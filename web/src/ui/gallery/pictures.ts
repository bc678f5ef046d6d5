// Owns made-up pictures for the gallery: a face of sorts and a page of text, painted on canvases.

/** A head and shoulders before a coloured wall. */
export function paintFace(hue: number): MediaStream {
  return paint(1280, 720, (context, time) => {
    const wall = context.createLinearGradient(0, 0, 1280, 720);
    wall.addColorStop(0, `hsl(${hue} 30% 62%)`);
    wall.addColorStop(1, `hsl(${hue + 40} 34% 34%)`);
    context.fillStyle = wall;
    context.fillRect(0, 0, 1280, 720);
    context.fillStyle = `hsl(${hue + 190} 26% 28%)`;
    context.beginPath();
    context.ellipse(640, 760, 330, 260, 0, 0, 7);
    context.fill();
    context.fillStyle = `hsl(${24 + (hue % 9)} 46% ${52 + (hue % 20)}%)`;
    context.beginPath();
    context.ellipse(640 + Math.sin(time / 900) * 6, 360, 130, 170, 0, 0, 7);
    context.fill();
    context.fillStyle = `hsl(${hue + 10} 22% 18%)`;
    context.beginPath();
    context.ellipse(640, 250, 140, 96, 0, Math.PI, 0);
    context.fill();
  });
}

/** A document, to see whether edges are cut off. */
export function paintScreen(): MediaStream {
  return paint(1920, 1080, (context) => {
    context.fillStyle = "#fbfbf9";
    context.fillRect(0, 0, 1920, 1080);
    context.strokeStyle = "#c2c7d0";
    context.lineWidth = 8;
    context.strokeRect(4, 4, 1912, 1072);
    context.fillStyle = "#1d2430";
    context.font = "600 72px system-ui";
    context.fillText("Plan for the spring", 140, 190);
    for (let line = 0; line < 12; line += 1) {
      context.fillStyle = line % 4 === 0 ? "#6a7382" : "#b4bac4";
      context.fillRect(140, 280 + line * 58, 1200 - ((line * 173) % 500), 20);
    }
  });
}

function paint(width: number, height: number, draw: (context: CanvasRenderingContext2D, time: number) => void): MediaStream {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) {
    throw new Error("no canvas");
  }
  draw(context, 0);
  setInterval(() => draw(context, performance.now()), 250);
  return canvas.captureStream(4);
}
