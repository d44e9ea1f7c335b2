// The provider generator and cdktf look for updates on the network unless told not to.
process.env.CHECKPOINT_DISABLE = "1";

// cdktf keeps a stack trace with each token. What Jest does to find a frame's place in a source is for errors alone.
const ofErrors = Error.prepareStackTrace;
Error.prepareStackTrace = (error, frames) =>
  error instanceof Error && ofErrors ? ofErrors(error, frames) : ["", ...frames].join("\n    at ");
