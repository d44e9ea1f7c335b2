-- A pathology slide registry. What a pathologist orders stays: `tissue` and `specimen`; scans and what is drawn on them
-- grow old by `slide.scanned_at`.

CREATE TABLE tissue (
  code VARCHAR(20) NOT NULL,
  part_of VARCHAR(20) NULL,
  title VARCHAR(200) NOT NULL,
  PRIMARY KEY (code),
  KEY tissue_part_of (part_of),
  CONSTRAINT tissue_of_tissue FOREIGN KEY (part_of) REFERENCES tissue (code) ON DELETE RESTRICT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE specimen (
  accession VARCHAR(32) NOT NULL,
  tissue_code VARCHAR(20) NOT NULL,
  collected_on DATE NOT NULL,
  PRIMARY KEY (accession),
  KEY specimen_tissue_code (tissue_code),
  CONSTRAINT specimen_of_tissue FOREIGN KEY (tissue_code) REFERENCES tissue (code) ON DELETE RESTRICT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE slide (
  accession VARCHAR(32) NOT NULL,
  slide_no SMALLINT UNSIGNED NOT NULL,
  stain ENUM('H&E', 'IHC', 'PAS') NOT NULL,
  object_key VARCHAR(255) NOT NULL,
  scanned_at DATETIME(3) NULL,
  scanner JSON NULL,
  PRIMARY KEY (accession, slide_no),
  KEY slide_scanned_at (scanned_at),
  CONSTRAINT slide_of_specimen FOREIGN KEY (accession) REFERENCES specimen (accession) ON DELETE RESTRICT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE annotation (
  annotation_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  accession VARCHAR(32) NOT NULL,
  slide_no SMALLINT UNSIGNED NOT NULL,
  finding VARCHAR(100) NOT NULL,
  outline JSON NOT NULL,
  score DECIMAL(5, 4) NULL,
  PRIMARY KEY (annotation_id),
  KEY annotation_slide (accession, slide_no),
  CONSTRAINT annotation_of_slide FOREIGN KEY (accession, slide_no)
    REFERENCES slide (accession, slide_no) ON DELETE RESTRICT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE review (
  annotation_id BIGINT UNSIGNED NOT NULL,
  reviewer VARCHAR(100) NOT NULL,
  verdict ENUM('agree', 'reject') NOT NULL,
  reviewed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (annotation_id, reviewer),
  CONSTRAINT review_of_annotation FOREIGN KEY (annotation_id) REFERENCES annotation (annotation_id) ON DELETE RESTRICT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
