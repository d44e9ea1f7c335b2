-- Each old row that was not copied, and the parent that it lacks.

CREATE SQL SECURITY INVOKER VIEW hand_made_orphan AS
SELECT 'transaction' AS orphan_table, old.transaction_id AS orphan_id, 'image' AS parent_table, old.image_id AS parent_id
FROM hand_made_transaction AS old
WHERE NOT EXISTS (SELECT * FROM `transaction` WHERE `transaction`.transaction_id = old.transaction_id)
UNION ALL
SELECT 'pred_bounding_box', old.pred_bbox_id, 'transaction', old.transaction_id
FROM hand_made_pred_bounding_box AS old
WHERE NOT EXISTS (SELECT * FROM pred_bounding_box WHERE pred_bounding_box.pred_bbox_id = old.pred_bbox_id);
