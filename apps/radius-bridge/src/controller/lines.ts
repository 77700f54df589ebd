/** Splits a byte stream into lines. Throws on a line over the limit: a broken or hostile peer must not fill the memory. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>, maxLength: number): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const pieces = decoder.decode(chunk, { stream: true }).split('\n');
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) {
        yield parts.join('');
        parts = [];
        length = 0;
      }
      length += piece.length;
      if (length > maxLength) throw new Error(`a line has more than ${maxLength} characters`);
      parts.push(piece);
    }
  }
}
