/** A picture with this part of a group's positions is a group. */
const aloneShare = 16;
/** Most pictures of a group. */
export const mostPictures = 2 ** 16;

/** Which pictures of a file are coded together, told one after another. */
export class Grouping {
  /** Positions at which a group is full. */
  private readonly most: number;
  private positions = 0;
  private pictures = 0;

  constructor(most: number) {
    this.most = most;
  }

  /**
   * The next picture, of so many positions: whether it is the first of a group, and whether the last.
   */
  next(positions: number): { readonly first: boolean; readonly last: boolean } {
    const alone = positions * aloneShare >= this.most;
    const first = alone || this.pictures === 0;
    if (first) [this.positions, this.pictures] = [0, 0];
    this.positions += positions;
    this.pictures++;
    const last = alone || this.positions >= this.most || this.pictures >= mostPictures;
    if (last) this.pictures = 0;
    return { first, last };
  }
}
