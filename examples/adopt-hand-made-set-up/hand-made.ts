import type { HandMadeSetUp } from "./adopted-lake-stack";

/** What the console shows. Write down yours. */
export const handMade: HandMadeSetUp = {
  bucketName: "clinic-x-rays",
  imagesFolder: "xray-images",
  backupFolder: "backup",
  dbInstanceIdentifier: "database-1",
  dbInstanceClass: "db.t3.micro",
  engineVersion: "8.4.3",
  allocatedStorageGib: 20,
  storageEncrypted: false,
  masterUsername: "admin",
  subnetGroupName: "default-vpc-0a1b2c3d4e5f60718",
  vpcId: "vpc-0a1b2c3d4e5f60718",
  subnets: [
    { id: "subnet-0a1b2c3d4e5f60718", availabilityZone: "eu-central-1a", routeTableId: "rtb-0a1b2c3d4e5f60718" },
    { id: "subnet-0b1b2c3d4e5f60718", availabilityZone: "eu-central-1b", routeTableId: "rtb-0a1b2c3d4e5f60718" },
  ],
  webAppAddress: "203.0.113.7",
  jobName: "data-backup",
};
