-- A film rental in the shape of a well-known sample schema: sixteen tables, among them two that reference each other,
-- seven views, six triggers, three procedures, three functions, an event. A line of two slashes ends each statement.
CREATE TABLE nation (
  nation_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  nation VARCHAR(50) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (nation_id)
) ENGINE = InnoDB
//
CREATE TABLE town (
  town_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  town VARCHAR(50) NOT NULL,
  nation_id SMALLINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (town_id),
  KEY town_nation (nation_id),
  CONSTRAINT town_nation FOREIGN KEY (nation_id) REFERENCES nation (nation_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE place (
  place_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  line1 VARCHAR(50) NOT NULL,
  line2 VARCHAR(50) DEFAULT NULL,
  district VARCHAR(20) NOT NULL,
  town_id SMALLINT UNSIGNED NOT NULL,
  postal_code VARCHAR(10) DEFAULT NULL,
  phone VARCHAR(20) NOT NULL,
  location GEOMETRY NOT NULL /*!80003 SRID 0 */,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (place_id),
  KEY place_town (town_id),
  SPATIAL KEY place_location (location),
  CONSTRAINT place_town FOREIGN KEY (town_id) REFERENCES town (town_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE genre (
  genre_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(25) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (genre_id)
) ENGINE = InnoDB
//
CREATE TABLE tongue (
  tongue_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
  name CHAR(20) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (tongue_id)
) ENGINE = InnoDB
//
CREATE TABLE performer (
  performer_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (performer_id),
  KEY performer_last_name (last_name)
) ENGINE = InnoDB
//
CREATE TABLE film (
  film_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  title VARCHAR(128) NOT NULL,
  description TEXT,
  released YEAR DEFAULT NULL,
  tongue_id TINYINT UNSIGNED NOT NULL,
  original_tongue_id TINYINT UNSIGNED DEFAULT NULL,
  loan_days TINYINT UNSIGNED NOT NULL DEFAULT 3,
  fee DECIMAL(4,2) NOT NULL DEFAULT 4.99,
  minutes SMALLINT UNSIGNED DEFAULT NULL,
  worth DECIMAL(5,2) NOT NULL DEFAULT 19.99,
  rating ENUM('G','PG','PG-13','R','NC-17') DEFAULT 'G',
  extras SET('Trailers','Commentaries','Deleted Scenes','Behind the Scenes') DEFAULT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (film_id),
  KEY film_title (title),
  KEY film_tongue (tongue_id),
  KEY film_original_tongue (original_tongue_id),
  CONSTRAINT film_original_tongue FOREIGN KEY (original_tongue_id) REFERENCES tongue (tongue_id)
    ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT film_tongue FOREIGN KEY (tongue_id) REFERENCES tongue (tongue_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE film_performer (
  performer_id SMALLINT UNSIGNED NOT NULL,
  film_id SMALLINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (performer_id, film_id),
  KEY film_performer_film (film_id),
  CONSTRAINT film_performer_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT film_performer_performer FOREIGN KEY (performer_id) REFERENCES performer (performer_id)
    ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE film_genre (
  film_id SMALLINT UNSIGNED NOT NULL,
  genre_id TINYINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (film_id, genre_id),
  KEY film_genre_genre (genre_id),
  CONSTRAINT film_genre_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT film_genre_genre FOREIGN KEY (genre_id) REFERENCES genre (genre_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE film_text (
  film_id SMALLINT UNSIGNED NOT NULL,
  title VARCHAR(255) NOT NULL,
  description TEXT,
  PRIMARY KEY (film_id),
  FULLTEXT KEY film_text_words (title, description)
) ENGINE = InnoDB
//
CREATE TABLE shop (
  shop_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
  manager_id TINYINT UNSIGNED NOT NULL,
  place_id SMALLINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (shop_id),
  UNIQUE KEY shop_manager (manager_id),
  KEY shop_place (place_id),
  CONSTRAINT shop_place FOREIGN KEY (place_id) REFERENCES place (place_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE clerk (
  clerk_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  place_id SMALLINT UNSIGNED NOT NULL,
  picture BLOB,
  email VARCHAR(50) DEFAULT NULL,
  shop_id TINYINT UNSIGNED NOT NULL,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  login VARCHAR(16) NOT NULL,
  hashed VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (clerk_id),
  KEY clerk_shop (shop_id),
  KEY clerk_place (place_id),
  CONSTRAINT clerk_place FOREIGN KEY (place_id) REFERENCES place (place_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT clerk_shop FOREIGN KEY (shop_id) REFERENCES shop (shop_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
ALTER TABLE shop ADD CONSTRAINT shop_manager FOREIGN KEY (manager_id) REFERENCES clerk (clerk_id)
  ON DELETE RESTRICT ON UPDATE CASCADE
//
CREATE TABLE member (
  member_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  shop_id TINYINT UNSIGNED NOT NULL,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  email VARCHAR(50) DEFAULT NULL,
  place_id SMALLINT UNSIGNED NOT NULL,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  joined DATETIME NOT NULL,
  last_update TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (member_id),
  KEY member_shop (shop_id),
  KEY member_place (place_id),
  KEY member_last_name (last_name),
  CONSTRAINT member_place FOREIGN KEY (place_id) REFERENCES place (place_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT member_shop FOREIGN KEY (shop_id) REFERENCES shop (shop_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE disc (
  disc_id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT,
  film_id SMALLINT UNSIGNED NOT NULL,
  shop_id TINYINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (disc_id),
  KEY disc_film (film_id),
  KEY disc_shop_film (shop_id, film_id),
  CONSTRAINT disc_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT disc_shop FOREIGN KEY (shop_id) REFERENCES shop (shop_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE loan (
  loan_id INT NOT NULL AUTO_INCREMENT,
  loaned_at DATETIME NOT NULL,
  disc_id MEDIUMINT UNSIGNED NOT NULL,
  member_id SMALLINT UNSIGNED NOT NULL,
  returned_at DATETIME DEFAULT NULL,
  clerk_id TINYINT UNSIGNED NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (loan_id),
  UNIQUE KEY loan_of_disc (loaned_at, disc_id, member_id),
  KEY loan_disc (disc_id),
  KEY loan_member (member_id),
  KEY loan_clerk (clerk_id),
  CONSTRAINT loan_clerk FOREIGN KEY (clerk_id) REFERENCES clerk (clerk_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT loan_disc FOREIGN KEY (disc_id) REFERENCES disc (disc_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT loan_member FOREIGN KEY (member_id) REFERENCES member (member_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
CREATE TABLE payment (
  payment_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
  member_id SMALLINT UNSIGNED NOT NULL,
  clerk_id TINYINT UNSIGNED NOT NULL,
  loan_id INT DEFAULT NULL,
  amount DECIMAL(5,2) NOT NULL,
  paid_at DATETIME NOT NULL,
  last_update TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (payment_id),
  KEY payment_clerk (clerk_id),
  KEY payment_member (member_id),
  CONSTRAINT payment_clerk FOREIGN KEY (clerk_id) REFERENCES clerk (clerk_id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT payment_loan FOREIGN KEY (loan_id) REFERENCES loan (loan_id) ON DELETE SET NULL ON UPDATE CASCADE,
  CONSTRAINT payment_member FOREIGN KEY (member_id) REFERENCES member (member_id) ON DELETE RESTRICT ON UPDATE CASCADE
) ENGINE = InnoDB
//
-- Rows, before the triggers that would set the times of today.
SET SESSION time_zone = '+00:00', timestamp = 1139979273, foreign_key_checks = 0
//
INSERT INTO nation (nation) VALUES ('Österreich'), ('Côte d''Ivoire'), ('日本'), ('Atlantis 🌊')
//
INSERT INTO town (town, nation_id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
  SELECT CONCAT('town ', i), 1 + i % 4 FROM n
//
INSERT INTO place (line1, line2, district, town_id, postal_code, phone, location)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
  SELECT CONCAT(i, ' \\ "long" road'), NULLIF(i % 3, 0), CONCAT('d', i % 5), 1 + i % 12, NULLIF(LPAD(i, 5, '0'), '00007'),
    CONCAT('+', 4900 + i), ST_GeomFromText(CONCAT('POINT(', i / 8, ' ', -i / 4, ')')) FROM n
//
INSERT INTO genre (name) VALUES ('Action'), ('Comedy'), ('Documentary'), ('Noir')
//
INSERT INTO tongue (name) VALUES ('English'), ('Français'), ('日本語')
//
INSERT INTO performer (first_name, last_name)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
  SELECT CONCAT('First', i), CONCAT('Last', i % 7) FROM n
//
INSERT INTO film (title, description, released, tongue_id, original_tongue_id, loan_days, fee, minutes, worth, rating, extras)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
  SELECT CONCAT('Film ', i), NULLIF(CONCAT('An epic of\n', REPEAT('words ', i), i), ''), IF(i = 9, NULL, 1901 + i * 3 % 120),
    1 + i % 3, IF(i % 4, NULL, 1 + i % 2), 3 + i % 5, i % 5 + 0.99, 40 + i * 3, i % 20 + 9.99,
    IF(i = 11, NULL, ELT(1 + i % 5, 'G', 'PG', 'PG-13', 'R', 'NC-17')), IF(i = 13, NULL, i % 16) FROM n
//
INSERT INTO film_performer (performer_id, film_id)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
  SELECT 1 + i % 20, i FROM n UNION SELECT 1 + i * 7 % 20, i FROM n
//
INSERT INTO film_genre (film_id, genre_id)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT i, 1 + i % 4 FROM n
//
INSERT INTO film_text (film_id, title, description) SELECT film_id, title, description FROM film
//
INSERT INTO shop (shop_id, manager_id, place_id) VALUES (1, 1, 1), (2, 2, 2)
//
INSERT INTO clerk (first_name, last_name, place_id, picture, email, shop_id, active, login, hashed) VALUES
  ('Ann', 'Noether', 3, 0x89504E470D0A1A0A00FF1F, 'ann@example.com', 1, TRUE, 'ann', LEFT(SHA2('a', 256), 40)),
  ('Bo', 'D''Arcy', 4, NULL, NULL, 2, FALSE, 'bo', NULL)
//
INSERT INTO member (shop_id, first_name, last_name, email, place_id, active, joined, last_update)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
  SELECT 1 + i % 2, CONCAT('M', i), CONCAT('Ünal ', i), NULLIF(CONCAT('m', i, '@example.com'), 'm3@example.com'), 5 + i,
    i % 6 > 0, '2006-02-14 22:04:36' + INTERVAL i HOUR, IF(i = 5, NULL, CURRENT_TIMESTAMP) FROM n
//
INSERT INTO disc (film_id, shop_id)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80) SELECT 1 + i % 40, 1 + i % 2 FROM n
//
INSERT INTO loan (loaned_at, disc_id, member_id, returned_at, clerk_id)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
  SELECT '2005-05-24 22:53:30' + INTERVAL i * 97 MINUTE, 1 + i % 80, 1 + i % 25,
    IF(i % 10, '2005-05-28 22:53:30' + INTERVAL i * 97 MINUTE, NULL), 1 + i % 2 FROM n
//
INSERT INTO payment (member_id, clerk_id, loan_id, amount, paid_at)
  SELECT member_id, clerk_id, NULLIF(loan_id, 50), loan_id % 9 + 0.99, loaned_at + INTERVAL 1 SECOND FROM loan
//
SET SESSION timestamp = DEFAULT, foreign_key_checks = 1
//
CREATE TRIGGER film_added AFTER INSERT ON film FOR EACH ROW
BEGIN
  INSERT INTO film_text (film_id, title, description) VALUES (NEW.film_id, NEW.title, NEW.description);
END
//
CREATE TRIGGER film_changed AFTER UPDATE ON film FOR EACH ROW
BEGIN
  IF OLD.title <> NEW.title OR OLD.description <> NEW.description OR OLD.film_id <> NEW.film_id THEN
    UPDATE film_text SET title = NEW.title, description = NEW.description, film_id = NEW.film_id
    WHERE film_id = OLD.film_id;
  END IF;
END
//
CREATE TRIGGER film_removed AFTER DELETE ON film FOR EACH ROW
BEGIN
  DELETE FROM film_text WHERE film_id = OLD.film_id;
END
//
CREATE TRIGGER member_joined BEFORE INSERT ON member FOR EACH ROW SET NEW.joined = NOW()
//
CREATE TRIGGER payment_dated BEFORE INSERT ON payment FOR EACH ROW SET NEW.paid_at = NOW()
//
CREATE TRIGGER loan_dated BEFORE INSERT ON loan FOR EACH ROW SET NEW.loaned_at = NOW()
//
CREATE FUNCTION disc_in_stock(asked INT) RETURNS BOOLEAN READS SQL DATA
BEGIN
  DECLARE loans INT;
  -- Never lent, or every loan is back.
  SELECT COUNT(*) INTO loans FROM loan WHERE disc_id = asked AND returned_at IS NULL;
  RETURN loans = 0;
END
//
CREATE FUNCTION disc_held_by(asked INT) RETURNS INT READS SQL DATA
BEGIN
  DECLARE holder INT;
  DECLARE EXIT HANDLER FOR NOT FOUND RETURN NULL;
  SELECT member_id INTO holder FROM loan WHERE returned_at IS NULL AND disc_id = asked LIMIT 1;
  RETURN holder;
END
//
CREATE FUNCTION member_balance(asked INT, until DATETIME) RETURNS DECIMAL(7,2) READS SQL DATA
BEGIN
  DECLARE fees DECIMAL(7,2);
  DECLARE paid DECIMAL(7,2);
  SELECT COALESCE(SUM(film.fee), 0) INTO fees FROM film, disc, loan
  WHERE film.film_id = disc.film_id AND disc.disc_id = loan.disc_id AND loan.loaned_at <= until AND loan.member_id = asked;
  SELECT COALESCE(SUM(amount), 0) INTO paid FROM payment WHERE paid_at <= until AND member_id = asked;
  RETURN fees - paid;
END
//
CREATE PROCEDURE film_in_stock(IN asked_film INT, IN asked_shop INT, OUT number INT) READS SQL DATA
BEGIN
  SELECT disc_id FROM disc WHERE film_id = asked_film AND shop_id = asked_shop AND disc_in_stock(disc_id);
  SELECT COUNT(*) INTO number FROM disc
  WHERE film_id = asked_film AND shop_id = asked_shop AND disc_in_stock(disc_id);
END
//
CREATE PROCEDURE film_not_in_stock(IN asked_film INT, IN asked_shop INT, OUT number INT) READS SQL DATA
BEGIN
  SELECT COUNT(*) INTO number FROM disc
  WHERE film_id = asked_film AND shop_id = asked_shop AND NOT disc_in_stock(disc_id);
END
//
CREATE PROCEDURE rewards(IN least TINYINT UNSIGNED, IN spent DECIMAL(10,2) UNSIGNED, OUT number INT)
  READS SQL DATA COMMENT 'The members who get a reward'
proc: BEGIN
  IF least = 0 THEN
    SELECT 'The least number must be above 0';
    LEAVE proc;
  END IF;
  CREATE TEMPORARY TABLE chosen (member_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY);
  INSERT INTO chosen SELECT member_id FROM payment GROUP BY member_id HAVING SUM(amount) > spent AND COUNT(*) > least;
  SELECT COUNT(*) INTO number FROM chosen;
  SELECT member.* FROM chosen JOIN member USING (member_id);
  DROP TABLE chosen;
END
//
CREATE VIEW member_list AS
  SELECT m.member_id AS id, CONCAT(m.first_name, ' ', m.last_name) AS name, p.line1 AS address, p.postal_code, p.phone,
    town.town, nation.nation, IF(m.active, 'active', '') AS notes, m.shop_id
  FROM member AS m JOIN place AS p ON m.place_id = p.place_id JOIN town ON p.town_id = town.town_id
    JOIN nation ON town.nation_id = nation.nation_id
//
CREATE VIEW film_list AS
  SELECT film.film_id, film.title, film.description, genre.name AS genre, film.fee, film.minutes, film.rating,
    GROUP_CONCAT(CONCAT(performer.first_name, ' ', performer.last_name) ORDER BY performer.performer_id SEPARATOR ', ')
      AS performers
  FROM film LEFT JOIN film_genre ON film_genre.film_id = film.film_id
    LEFT JOIN genre ON genre.genre_id = film_genre.genre_id
    LEFT JOIN film_performer ON film.film_id = film_performer.film_id
    LEFT JOIN performer ON film_performer.performer_id = performer.performer_id
  GROUP BY film.film_id, film.title, film.description, genre.name, film.fee, film.minutes, film.rating
//
CREATE VIEW film_list_in_small AS
  SELECT film_id, LOWER(title) AS title, LEFT(description, 20) AS beginning, genre FROM film_list
//
CREATE VIEW clerk_list AS
  SELECT c.clerk_id AS id, CONCAT(c.first_name, _utf8mb4' ', c.last_name) AS name, p.line1 AS address, c.shop_id
  FROM clerk AS c JOIN place AS p ON c.place_id = p.place_id
//
CREATE VIEW sales_by_shop AS
  SELECT CONCAT(town.town, ',', nation.nation) AS shop, CONCAT(c.first_name, ' ', c.last_name) AS manager,
    SUM(payment.amount) AS sales
  FROM payment JOIN loan ON payment.loan_id = loan.loan_id JOIN disc ON loan.disc_id = disc.disc_id
    JOIN shop ON disc.shop_id = shop.shop_id JOIN place ON shop.place_id = place.place_id
    JOIN town ON place.town_id = town.town_id JOIN nation ON town.nation_id = nation.nation_id
    JOIN clerk AS c ON shop.manager_id = c.clerk_id
  GROUP BY shop.shop_id, town.town, nation.nation, c.first_name, c.last_name
//
CREATE VIEW sales_by_genre AS
  SELECT genre.name AS genre, SUM(payment.amount) AS sales
  FROM payment JOIN loan ON payment.loan_id = loan.loan_id JOIN disc ON loan.disc_id = disc.disc_id
    JOIN film_genre ON disc.film_id = film_genre.film_id JOIN genre ON film_genre.genre_id = genre.genre_id
  GROUP BY genre.name
//
CREATE SQL SECURITY INVOKER VIEW performer_info AS
  SELECT performer.performer_id, performer.first_name, performer.last_name,
    (SELECT COUNT(*) FROM film_performer AS f WHERE f.performer_id = performer.performer_id) AS films,
    EXISTS (SELECT 1 FROM film_performer AS f JOIN disc ON disc.film_id = f.film_id
      WHERE f.performer_id = performer.performer_id AND disc_in_stock(disc.disc_id)) AS in_stock
  FROM performer
//
CREATE EVENT late_loans ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 04:00:00' ON COMPLETION PRESERVE ENABLE
  COMMENT 'Closes the loans that never came back'
  DO UPDATE loan SET returned_at = NOW() WHERE returned_at IS NULL AND loaned_at < NOW() - INTERVAL 1 YEAR
