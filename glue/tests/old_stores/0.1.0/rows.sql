-- What the tables hold when the snapshot and the archive are taken. Every text that hurts, every end of a type.
INSERT INTO image VALUES (-7, 'lake', 'xray-images', 'below zero'), (1, 'lake', 'xray-images', ''),
  (2, 'l|k', 'it''s "x" \\ %s', CONCAT('new', CHAR(10), 'line', CHAR(0), CHAR(31), '|')),
  (3, 'lake', 'xray-images', '😀ü漢'), (2147483647, 'lake', 'xray-images', 'last');
INSERT INTO `transaction` VALUES (-5, -7, '1971-01-01 00:00:00', -9.999, 0), (1, 1, '2022-03-27 02:30:00', 0.3, 0.001),
  (2, 2, '2022-10-30 02:30:00', 0.3, 9.999), (3, 3, '2022-05-24 11:08:23', 0.3, 0.5), (40, 3, '2022-05-24 11:09:23', 1, 1);
INSERT INTO pred_bounding_box VALUES (-1, -5, 1, 0.987, -2147483648, 0, 2147483647, 1), (10, 1, 2, 0.5, 1, 2, 3, 4),
  (11, 1, 3, -0.001, 5, 6, 7, 8), (12, 3, 13, 0, 0, 0, 0, 0), (50, 40, 1, 0.5, 1, 2, 3, 4);
