-- The sample rows of the hand-made set-up. Rows that are there stay as they are, so this may run again.

INSERT INTO image (image_id, bucket, folder, image_file) VALUES
  (1, 'nhannt70', 'xray-images', 'img_1'),
  (2, 'nhannt70', 'xray-images', 'img_2')
ON DUPLICATE KEY UPDATE image_id = image_id;

INSERT INTO `transaction` (transaction_id, image_id, time, cs_thr, nms_thr) VALUES
  (1, 1, '2022-05-24 11:08:23', 0.3, 0.5),
  (2, 2, '2022-05-24 11:09:30', 0.3, 0.5)
ON DUPLICATE KEY UPDATE transaction_id = transaction_id;

INSERT INTO pred_bounding_box
  (pred_bbox_id, transaction_id, pred_class, pred_cs, x_min, y_min, x_max, y_max)
VALUES
  (1, 1, 3, 0.5, 611, 184, 757, 272),
  (2, 1, 3, 0.39, 583, 168, 767, 348),
  (3, 2, 2, 0.5, 611, 200, 700, 272),
  (4, 2, 2, 0.7, 600, 200, 720, 350),
  (5, 2, 3, 0.39, 584, 170, 760, 348)
ON DUPLICATE KEY UPDATE pred_bbox_id = pred_bbox_id;
