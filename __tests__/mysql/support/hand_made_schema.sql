CREATE TABLE IF NOT EXISTS `image` (
  `image_id` INT NOT NULL,
  `bucket` VARCHAR(100) NOT NULL,
  `folder` VARCHAR(100) NOT NULL,
  `image_file` VARCHAR(100) NOT NULL,
  PRIMARY KEY (`image_id`))
ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS `transaction` (
  `transaction_id` INT NOT NULL,
  `image_id` INT NOT NULL,
  `time` DATETIME NOT NULL,
  `cs_thr` DECIMAL(4,3) NOT NULL,
  `nms_thr` DECIMAL(4,3) NOT NULL,
  PRIMARY KEY (`transaction_id`),
  UNIQUE INDEX `time_UNIQUE` (`time` ASC) VISIBLE,
  INDEX `fk_transaction_image_idx` (`image_id` ASC) VISIBLE,
  CONSTRAINT `fk_transaction_image`
    FOREIGN KEY (`image_id`)
    REFERENCES `mydb`.`image` (`image_id`)
    ON DELETE NO ACTION
    ON UPDATE NO ACTION)
ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS `pred_bounding_box` (
  `pred_bbox_id` INT NOT NULL,
  `transaction_id` INT NOT NULL,
  `pred_class` INT NOT NULL,
  `pred_cs` DECIMAL(4,3) NOT NULL,
  `x_min` INT NOT NULL,
  `y_min` INT NOT NULL,
  `x_max` INT NOT NULL,
  `y_max` INT NOT NULL,
  PRIMARY KEY (`pred_bbox_id`),
  INDEX `fk_pred_bounding_box_transaction_idx` (`transaction_id` ASC) VISIBLE,
  CONSTRAINT `fk_pred_bounding_box_transaction`
    FOREIGN KEY (`transaction_id`)
    REFERENCES `mydb`.`transaction` (`transaction_id`)
    ON DELETE NO ACTION
    ON UPDATE NO ACTION)
ENGINE = InnoDB;
