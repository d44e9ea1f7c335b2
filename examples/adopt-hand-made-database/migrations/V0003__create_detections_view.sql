-- What the hand-made backup joined, each column once. LEFT JOINs: an image without a prediction, and a prediction without
-- a box, have a row too. INVOKER: a reader sees no more through the view than in the tables.

CREATE SQL SECURITY INVOKER VIEW detections AS
SELECT
  image.image_id,
  image.bucket,
  image.folder,
  image.image_file,
  `transaction`.transaction_id,
  `transaction`.time,
  `transaction`.cs_thr,
  `transaction`.nms_thr,
  pred_bounding_box.pred_bbox_id,
  pred_bounding_box.pred_class,
  pred_bounding_box.pred_cs,
  pred_bounding_box.x_min,
  pred_bounding_box.y_min,
  pred_bounding_box.x_max,
  pred_bounding_box.y_max
FROM image
LEFT JOIN `transaction` ON `transaction`.image_id = image.image_id
LEFT JOIN pred_bounding_box ON pred_bounding_box.transaction_id = `transaction`.transaction_id;
