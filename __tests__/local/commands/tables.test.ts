import { stripVTControlCharacters } from "node:util";
import { resourceTable } from "../../../local/commands/resource-table";
import type { Week } from "../../../local/commands/simulation/played-year";
import { weekTable } from "../../../local/commands/simulation/week-table";

const widest = (table: string): number =>
  Math.max(...table.split("\n").map((line) => stripVTControlCharacters(line).length));

test("the resources fit into 100 columns, and no part of a long name is lost", () => {
  const name = "/aws-glue/jobs/local-data-lake-backup/local-data-lake-backup-role/local-data-lake-backup/error";
  const table = resourceTable([
    { type: "aws_s3_bucket_server_side_encryption_configuration", name: "local-data-lake-bucket" },
    { type: "aws_cloudwatch_log_group", name },
    { type: "aws_vpc_security_group_egress_rule", name: "S3" },
    { type: "aws_vpc_security_group_egress_rule", name: "S3" },
  ]);
  expect(widest(table)).toBeLessThanOrEqual(100);
  expect(table.replace(/[^\x20-\x7e]|\s/g, "")).toContain(name);
  expect(table.match(/\bS3\b/g)).toHaveLength(1);
});

test("the weeks of a year fit into 100 columns", () => {
  const week: Week = {
    week: 52,
    first: "2026-11-15",
    predictions: 100_301,
    rowsInDatabase: 10_000_000,
    databaseBytes: 1e9,
    snapshotRows: 10_000_000,
    snapshotBytes: 123_456_789,
    archiveRows: 10_000_000,
    archiveBytes: 1e9,
    seconds: { backup: 12_345.6 },
    events: ["purge", "restore drill", "emulator restart", "no database restart: the server of MYSQL_URL is not ours"],
  };
  expect(widest(weekTable([week]))).toBeLessThanOrEqual(100);
});
