/** A subnet and where it is. */
export interface DataLakeSubnet {
  /** For example `subnet-0123456789abcdef0`. */
  readonly id: string;
  /** The zone, for example `eu-central-1a`; a Glue connection must be told it. */
  readonly availabilityZone: string;
  /** The route table, which the S3 endpoint is entered in. */
  readonly routeTableId: string;
}
