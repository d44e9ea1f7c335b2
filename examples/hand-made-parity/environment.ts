import { PublicAccess, Scheduler } from "cdktf-xray-data-lake";
import type { Environment } from "cdktf-xray-data-lake/stacks";

/** What the hand-made set-up's README says to click together in the console. */
export const environment: Environment = {
  name: "hand-made",
  region: "eu-central-1",
  protect: false,
  sampleData: true,
  network: { publicSubnets: true },
  bucket: { publicAccess: PublicAccess.READ_WRITE },
  database: { publiclyAccessible: true, allowedCidrs: ["0.0.0.0/0"] },
  backup: { scheduler: Scheduler.EXTERNAL },
  imageUploaderUser: true,
};
