/** Arrays that exchanges of every step use again: the collector has nothing to do for them. */
export class ExchangeRooms {
  readonly #rooms = new Map<string, Float32Array<ArrayBuffer>>();

  /** So many floats of this name, with any content; those of the call before where they are as many. */
  floats(name: string, length: number): Float32Array<ArrayBuffer> {
    let room = this.#rooms.get(name);
    if (room?.length !== length) {
      room = new Float32Array(length);
      this.#rooms.set(name, room);
    }
    return room;
  }

  /** A copy of these numbers in the room of this name. */
  copyOf(name: string, numbers: Float32Array): Float32Array<ArrayBuffer> {
    const room = this.floats(name, numbers.length);
    room.set(numbers);
    return room;
  }
}
