// The provider generator and cdktf look for updates on the network unless told not to.
process.env.CHECKPOINT_DISABLE = "1";
