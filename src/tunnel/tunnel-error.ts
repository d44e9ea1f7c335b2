/** A tunnel that cannot be opened, or that broke: one line that says what to do. */
export class TunnelError extends Error {
  override readonly name = "TunnelError";
}
