/** One direction of a connection, as a router counted it. */
export interface PacketRecord {
  readonly first: number;
  readonly last: number;
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly packets: number;
}

/**
 * Tells openings from replies when both directions are recorded:
 *
 *   two records with swapped ends and ports: the one that began first opened; if both began in the same millisecond, the one
 *   towards the lower port; with equal ports it can't be told
 *   no such pair, and from a port below 1024 to one above, or from where others of the file were answered: a reply whose opening is not in
 *   the file: it can't be told
 *   no such pair otherwise: an opening that nobody answered
 *
 * Several records of one direction (a long connection) share its verdict. Kept as columns of numbers: some 60 bytes each.
 */
export class PacketRecords {
  private count = 0;
  private capacity = 1 << 12;
  private first = new Float64Array(this.capacity);
  private last = new Float64Array(this.capacity);
  private packets = new Float64Array(this.capacity);
  private source = new Uint32Array(this.capacity);
  private destination = new Uint32Array(this.capacity);
  private sourcePort = new Uint16Array(this.capacity);
  private destinationPort = new Uint16Array(this.capacity);
  private protocol = new Uint8Array(this.capacity);

  add(record: PacketRecord): void {
    if (this.count === this.capacity) this.grow();
    const i = this.count++;
    this.first[i] = record.first;
    this.last[i] = record.last;
    this.packets[i] = record.packets;
    this.source[i] = record.source;
    this.destination[i] = record.destination;
    this.sourcePort[i] = record.sourcePort;
    this.destinationPort[i] = record.destinationPort;
    this.protocol[i] = record.protocol;
  }

  forEachConnection(
    take: (record: PacketRecord, verdict: 'opening' | 'reply' | 'undecided', isAnswered: boolean) => void,
  ): void {
    const size = 1 << Math.max(4, Math.ceil(Math.log2(this.count * 2 + 1)));
    const slots = new Int32Array(size).fill(-1);
    const slotOf = new Int32Array(this.count);
    // Earliest begin per slot and direction; a record is forward when its own (end, port) sorts first.
    const forward = new Float64Array(size).fill(Infinity);
    const backward = new Float64Array(size).fill(Infinity);
    for (let i = 0; i < this.count; i++) {
      const slot = this.slotFor(i, slots, size - 1);
      slotOf[i] = slot;
      const begins = this.isForward(i) ? forward : backward;
      begins[slot] = Math.min(begins[slot]!, this.first[i]!);
    }
    const beginsOf = (i: number): readonly [own: number, other: number] => {
      const slot = slotOf[i]!;
      return this.isForward(i) ? [forward[slot]!, backward[slot]!] : [backward[slot]!, forward[slot]!];
    };
    const answering = new Set<number>();
    for (let i = 0; i < this.count; i++) {
      const [own, other] = beginsOf(i);
      if (other < Infinity && this.judge(i, own, other, answering) === 'opening')
        answering.add(this.placeOf(i, this.destination[i]!, this.destinationPort[i]!));
    }
    for (let i = 0; i < this.count; i++) {
      const [own, other] = beginsOf(i);
      take(this.at(i), this.judge(i, own, other, answering), other < Infinity);
    }
  }

  /** `answering`: places that others opened a connection to, and had an answer from. */
  private judge(
    i: number,
    own: number,
    other: number,
    answering: ReadonlySet<number>,
  ): 'opening' | 'reply' | 'undecided' {
    const [from, to] = [this.sourcePort[i]!, this.destinationPort[i]!];
    if (other === Infinity) {
      const isReply = (from < 1024 && to >= 1024) || answering.has(this.placeOf(i, this.source[i]!, from));
      return isReply ? 'undecided' : 'opening';
    }
    if (own !== other) return own < other ? 'opening' : 'reply';
    return from === to ? 'undecided' : to < from ? 'opening' : 'reply';
  }

  private placeOf(i: number, end: number, port: number): number {
    return (end * 0x100 + this.protocol[i]!) * 0x1_0000 + port;
  }

  private at(i: number): PacketRecord {
    return {
      first: this.first[i]!,
      last: this.last[i]!,
      packets: this.packets[i]!,
      source: this.source[i]!,
      destination: this.destination[i]!,
      sourcePort: this.sourcePort[i]!,
      destinationPort: this.destinationPort[i]!,
      protocol: this.protocol[i]!,
    };
  }

  private isForward(i: number): boolean {
    const [a, b] = [this.source[i]!, this.destination[i]!];
    return a === b ? this.sourcePort[i]! <= this.destinationPort[i]! : a < b;
  }

  /** Open addressing; both directions of a connection meet in one slot. */
  private slotFor(i: number, slots: Int32Array, mask: number): number {
    const low = Math.min(this.source[i]!, this.destination[i]!);
    const high = Math.max(this.source[i]!, this.destination[i]!);
    const ports = this.isForward(i)
      ? (this.sourcePort[i]! << 16) | this.destinationPort[i]!
      : (this.destinationPort[i]! << 16) | this.sourcePort[i]!;
    let hash = Math.imul(low ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(high + this.protocol[i]!, 0xc2b2_ae35) ^ ports;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
    hash ^= hash >>> 13;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const other = slots[slot]!;
      if (other < 0) {
        slots[slot] = i;
        return slot;
      }
      if (this.isSameConnection(i, other)) return slot;
    }
  }

  private isSameConnection(i: number, j: number): boolean {
    if (this.protocol[i] !== this.protocol[j]) return false;
    const isSame =
      this.source[i] === this.source[j] &&
      this.destination[i] === this.destination[j] &&
      this.sourcePort[i] === this.sourcePort[j] &&
      this.destinationPort[i] === this.destinationPort[j];
    const isSwapped =
      this.source[i] === this.destination[j] &&
      this.destination[i] === this.source[j] &&
      this.sourcePort[i] === this.destinationPort[j] &&
      this.destinationPort[i] === this.sourcePort[j];
    return isSame || isSwapped;
  }

  private grow(): void {
    this.capacity *= 2;
    const copy = <T extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.first = copy(this.first, new Float64Array(this.capacity));
    this.last = copy(this.last, new Float64Array(this.capacity));
    this.packets = copy(this.packets, new Float64Array(this.capacity));
    this.source = copy(this.source, new Uint32Array(this.capacity));
    this.destination = copy(this.destination, new Uint32Array(this.capacity));
    this.sourcePort = copy(this.sourcePort, new Uint16Array(this.capacity));
    this.destinationPort = copy(this.destinationPort, new Uint16Array(this.capacity));
    this.protocol = copy(this.protocol, new Uint8Array(this.capacity));
  }
}
