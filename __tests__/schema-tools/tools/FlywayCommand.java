import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;

/** Flyway's community commands from its library; the settings are Flyway's own FLYWAY_* environment variables. */
public final class FlywayCommand {
  public static void main(String[] args) {
    Flyway flyway = Flyway.configure().envVars().load();
    try {
      switch (args[0]) {
        case "migrate" -> flyway.migrate();
        case "validate" -> flyway.validate();
        case "repair" -> flyway.repair();
        case "baseline" -> flyway.baseline();
        case "clean" -> flyway.clean();
        case "info" -> {
          for (MigrationInfo migration : flyway.info().all()) {
            System.out.println(migration.getVersion() + " " + migration.getDescription() + " " + migration.getState());
          }
        }
        default -> throw new IllegalArgumentException(args[0]);
      }
    } catch (FlywayException error) {
      System.err.println(error.getMessage());
      System.exit(1);
    }
  }
}
