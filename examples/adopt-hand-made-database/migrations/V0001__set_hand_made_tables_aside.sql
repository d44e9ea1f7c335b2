-- The old tables give their names to the new ones. They keep every row, and nothing writes to them any more.

-- allow: destructive (only the names change; the rows are copied in V0004, and stay here as well)
RENAME TABLE
  image TO hand_made_image,
  `transaction` TO hand_made_transaction,
  pred_bounding_box TO hand_made_pred_bounding_box;
