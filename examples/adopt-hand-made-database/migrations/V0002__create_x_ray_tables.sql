-- The web app inserts by position: a table keeps its columns' order and count.
--
-- utf8mb4_bin compares as S3 does: `IMG_1` and `img_1` are two objects, and must not be taken for the same image.

CREATE TABLE image (
  image_id INT NOT NULL AUTO_INCREMENT,
  bucket VARCHAR(100) NOT NULL,
  folder VARCHAR(100) NOT NULL,
  image_file VARCHAR(100) NOT NULL,
  PRIMARY KEY (image_id),
  KEY image_image_file (image_file)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE `transaction` (
  transaction_id INT NOT NULL AUTO_INCREMENT,
  image_id INT NOT NULL,
  time DATETIME NOT NULL,
  cs_thr DECIMAL(4, 3) NOT NULL,
  nms_thr DECIMAL(4, 3) NOT NULL,
  PRIMARY KEY (transaction_id),
  KEY transaction_image_id (image_id),
  KEY transaction_time (time),
  CONSTRAINT transaction_of_image FOREIGN KEY (image_id) REFERENCES image (image_id) ON DELETE RESTRICT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE pred_bounding_box (
  pred_bbox_id INT NOT NULL AUTO_INCREMENT,
  transaction_id INT NOT NULL,
  pred_class INT NOT NULL,
  pred_cs DECIMAL(4, 3) NOT NULL,
  x_min INT NOT NULL,
  y_min INT NOT NULL,
  x_max INT NOT NULL,
  y_max INT NOT NULL,
  PRIMARY KEY (pred_bbox_id),
  KEY pred_bounding_box_transaction_id (transaction_id),
  CONSTRAINT pred_bounding_box_of_transaction FOREIGN KEY (transaction_id)
    REFERENCES `transaction` (transaction_id) ON DELETE RESTRICT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
