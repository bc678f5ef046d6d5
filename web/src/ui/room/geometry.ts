// Owns where tiles go: from the size of the stage and who is on it to one rectangle for each. Pure arithmetic in CSS pixels.

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

/** Which shapes a tile may take, width by height. */
export interface Aspect {
  readonly min: number;
  readonly max: number;
}

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly tile: Size;
}

export const GAP = 8;
const WIDE: Aspect = { min: 16 / 9, max: 16 / 9 };
/** On an upright phone a face may stand upright too. */
const UPRIGHT: Aspect = { min: 3 / 4, max: 16 / 9 };
const PHONE_WIDTH_MAX = 600;
const PAGE_MAX = 49;

export function isPhone(stage: Size): boolean {
  return stage.width < PHONE_WIDTH_MAX;
}

function isUpright(stage: Size): boolean {
  return isPhone(stage) && stage.height > stage.width;
}

/** The number of columns that gives the largest tiles; of two that give the same, the one that leaves fewer holes. */
export function chooseGrid(count: number, stage: Size): Grid {
  const aspect = isUpright(stage) ? UPRIGHT : WIDE;
  const columnsMax = isUpright(stage) ? Math.min(2, count) : count;
  let best: Grid = { columns: 1, rows: Math.max(1, count), tile: { width: 0, height: 0 } };
  let bestArea = -1;
  for (let columns = 1; columns <= columnsMax; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = fitTile(
      { width: (stage.width - GAP * (columns - 1)) / columns, height: (stage.height - GAP * (rows - 1)) / rows },
      aspect,
    );
    const area = tile.width * tile.height;
    const fewerHoles = columns * rows < best.columns * best.rows;
    if (area > bestArea + 1 || (area > bestArea - 1 && fewerHoles)) {
      best = { columns, rows, tile };
      bestArea = area;
    }
  }
  return best;
}

/** The rectangles of a grid in reading order, in the middle of the stage, the last row too. */
export function placeGrid(count: number, stage: Size): Rect[] {
  const { columns, rows, tile } = chooseGrid(count, stage);
  const top = (stage.height - rows * tile.height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (stage.width - inRow * tile.width - (inRow - 1) * GAP) / 2;
    return round({
      x: left + (index % columns) * (tile.width + GAP),
      y: top + row * (tile.height + GAP),
      ...tile,
    });
  });
}

/** How many tiles a page holds before faces become too small to read. */
export function gridCapacity(stage: Size): number {
  const widthMin = isPhone(stage) ? 140 : Math.max(180, stage.width / 8);
  let capacity = 1;
  while (capacity < PAGE_MAX && chooseGrid(capacity + 1, stage).tile.width >= widthMin) {
    capacity += 1;
  }
  return capacity;
}

/** The stage of one large tile, and its strip of small ones: at the right of a wide stage, below on a tall one. */
export interface Strip {
  readonly large: Rect;
  readonly capacity: number;
  readonly small: (index: number, count: number) => Rect;
}

export function layStrip(stage: Size): Strip {
  return stage.width > stage.height * 1.15 ? layStripRight(stage) : layStripBelow(stage);
}

function layStripRight(stage: Size): Strip {
  const width = clamp(stage.width * 0.17, 132, 420);
  const tile = { width, height: (width * 9) / 16 };
  const capacity = Math.max(1, Math.floor((stage.height + GAP) / (tile.height + GAP)));
  const x = stage.width - width;
  return {
    large: round({ x: 0, y: 0, width: x - GAP, height: stage.height }),
    capacity,
    small: (index, count) => {
      const used = count * tile.height + (count - 1) * GAP;
      return round({ x, y: (stage.height - used) / 2 + index * (tile.height + GAP), ...tile });
    },
  };
}

function layStripBelow(stage: Size): Strip {
  const perRow = stage.width < 480 ? 3 : 4;
  const width = (stage.width - GAP * (perRow - 1)) / perRow;
  const tile = { width, height: isPhone(stage) ? width : (width * 9) / 16 };
  const rows = stage.height > stage.width * 1.5 ? 2 : 1;
  const rowTop = (row: number, rowsUsed: number) => stage.height - (rowsUsed - row) * tile.height - (rowsUsed - row - 1) * GAP;
  return {
    large: round({ x: 0, y: 0, width: stage.width, height: stage.height - rows * (tile.height + GAP) }),
    capacity: perRow * rows,
    small: (index, count) => {
      const row = Math.floor(index / perRow);
      const rowsUsed = Math.ceil(count / perRow);
      const inRow = Math.min(perRow, count - row * perRow);
      const left = (stage.width - inRow * width - (inRow - 1) * GAP) / 2;
      return round({ x: left + (index % perRow) * (width + GAP), y: rowTop(row, rowsUsed), ...tile });
    },
  };
}

/** The own tile in its corner. */
export function placeCorner(stage: Size): Rect {
  const upright = isUpright(stage);
  const width = upright ? clamp(stage.width * 0.28, 84, 140) : clamp(stage.width * 0.17, 128, 400);
  const height = upright ? (width * 4) / 3 : (width * 9) / 16;
  const inset = upright ? 8 : 16;
  return round({ x: stage.width - width - inset, y: stage.height - height - inset, width, height });
}

function fitTile(cell: Size, aspect: Aspect): Size {
  const width = Math.max(0, cell.width);
  const height = Math.max(0, cell.height);
  if (width > height * aspect.max) {
    return { width: height * aspect.max, height };
  }
  return width < height * aspect.min ? { width, height: width / aspect.min } : { width, height };
}

/** Whole pixels: a blurred edge looks like a fault. */
function round(rect: Rect): Rect {
  return {
    x: Math.round(rect.x),
    y: Math.round(rect.y),
    width: Math.floor(rect.width),
    height: Math.floor(rect.height),
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
