-- Parents first. The new foreign keys take no row without its parent: such a row stays in its old table, and V0005 shows it.

INSERT INTO image (image_id, bucket, folder, image_file)
SELECT image_id, bucket, folder, image_file
FROM hand_made_image;

INSERT INTO `transaction` (transaction_id, image_id, time, cs_thr, nms_thr)
SELECT transaction_id, image_id, time, cs_thr, nms_thr
FROM hand_made_transaction AS old
WHERE EXISTS (SELECT * FROM image WHERE image.image_id = old.image_id);

INSERT INTO pred_bounding_box (pred_bbox_id, transaction_id, pred_class, pred_cs, x_min, y_min, x_max, y_max)
SELECT pred_bbox_id, transaction_id, pred_class, pred_cs, x_min, y_min, x_max, y_max
FROM hand_made_pred_bounding_box AS old
WHERE EXISTS (SELECT * FROM `transaction` WHERE `transaction`.transaction_id = old.transaction_id);
