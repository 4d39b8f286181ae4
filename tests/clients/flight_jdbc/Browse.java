import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** A JDBC tool's day: connect, browse, read, define, change, bind, batch, cancel. Arguments: URL. */
public class Browse {
  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  static List<String> column(ResultSet rows, String name) throws SQLException {
    List<String> all = new ArrayList<>();
    // What is not closed is told of as leaked memory when the connection is.
    try (rows) {
      while (rows.next()) {
        all.add(rows.getString(name));
      }
    }
    return all;
  }

  public static void main(String[] arguments) throws Exception {
    try (Connection connection = DriverManager.getConnection(arguments[0])) {
      browse(connection.getMetaData(), connection);
      statements(connection);
      bind(connection);
      types(connection);
      cancel(connection);
    }
    // A catalog in the URL is a session option.
    Connection connection = DriverManager.getConnection(arguments[0] + "&catalog=lake");
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT 1 AS a")) {
      check(rows.next() && rows.getLong("a") == 1, "a connection with a catalog");
    }
    try {
      connection.close();
    } catch (SQLException error) {
      // Driver 18.3 closes such a connection twice, and finds its own channel shut.
      check(error.getMessage().contains("Channel shutdown invoked"), error.getMessage());
    }
    System.out.println("ok");
  }

  static void browse(DatabaseMetaData data, Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.executeUpdate("CREATE OR REPLACE TABLE processed.b AS SELECT 1 AS id, 'x' AS name, 1.25 AS price");
    }
    check(data.getDatabaseProductName().equals("weir"), "product");
    check(data.getIdentifierQuoteString().equals("\""), "quote");
    check(!data.supportsTransactions(), "transactions");
    check(data.getDefaultTransactionIsolation() == Connection.TRANSACTION_NONE, "isolation");
    data.getSQLKeywords();
    data.getNumericFunctions();
    data.getStringFunctions();
    data.getSystemFunctions();
    data.getTimeDateFunctions();
    data.getMaxColumnsInTable();
    data.supportsConvert();
    data.supportsGroupBy();
    data.supportsUnionAll();
    data.supportsFullOuterJoins();
    data.supportsCoreSQLGrammar();
    data.supportsANSI92EntryLevelSQL();
    data.storesUpperCaseIdentifiers();
    data.nullsAreSortedHigh();
    data.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY);
    data.supportsBatchUpdates();
    check(column(data.getCatalogs(), "TABLE_CAT").contains("lake"), "catalogs");
    check(column(data.getSchemas(), "TABLE_SCHEM").contains("processed"), "schemas");
    check(column(data.getTableTypes(), "TABLE_TYPE").contains("TABLE"), "table types");
    check(column(data.getTables(null, "processed", "%", new String[] {"TABLE"}), "TABLE_NAME").contains("b"), "tables");
    check(column(data.getColumns("lake", "processed", "b", "%"), "COLUMN_NAME").equals(List.of("id", "name", "price")), "columns");
    check(column(data.getColumns("lake", "processed", "b", "%"), "TYPE_NAME").get(0).length() > 0, "type names");
    check(column(data.getPrimaryKeys("lake", "processed", "b"), "COLUMN_NAME").isEmpty(), "primary keys");
    check(column(data.getImportedKeys("lake", "processed", "b"), "FKCOLUMN_NAME").isEmpty(), "imported keys");
    check(column(data.getExportedKeys("lake", "processed", "b"), "FKCOLUMN_NAME").isEmpty(), "exported keys");
    check(column(data.getCrossReference("lake", "processed", "b", "lake", "processed", "b"), "FKCOLUMN_NAME").isEmpty(), "cross reference");
    data.getTypeInfo().close();
  }

  static void statements(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("DROP TABLE IF EXISTS processed.j");
      check(statement.executeUpdate("CREATE TABLE processed.j (id BIGINT, name VARCHAR)") == 0, "DDL");
      check(statement.executeUpdate("INSERT INTO processed.j VALUES (1, 'a'), (2, 'b'), (3, NULL)") == 3, "INSERT");
      check(statement.executeUpdate("UPDATE processed.j SET name = 'z' WHERE id > 1") == 2, "UPDATE");
      check(statement.executeUpdate("DELETE FROM processed.j WHERE id = 3") == 1, "DELETE");
      try (ResultSet rows = statement.executeQuery("SELECT id, name FROM processed.j ORDER BY id")) {
        ResultSetMetaData columns = rows.getMetaData();
        check(columns.getColumnCount() == 2 && columns.getColumnLabel(2).equals("name"), "columns of a result");
        check(column(rows, "name").equals(List.of("a", "z")), "rows");
      }
      try (ResultSet rows = statement.executeQuery("SELECT value FROM generate_series(1, 200000)")) {
        long sum = 0;
        while (rows.next()) {
          sum += rows.getLong(1);
        }
        check(sum == 20000100000L, "a large result");
      }
      try {
        statement.executeQuery("SELECT * FROM processed.nothing");
        throw new AssertionError("a table that is not there was read");
      } catch (SQLException error) {
        check(error.getMessage().contains("42P01"), error.getMessage());
      }
    }
  }

  static void bind(Connection connection) throws SQLException {
    try (PreparedStatement insert = connection.prepareStatement("INSERT INTO processed.j VALUES (?, ?)")) {
      insert.setLong(1, 10);
      insert.setString(2, "ten");
      check(insert.executeUpdate() == 1, "an insert with values");
      for (int i = 20; i < 70; i++) {
        insert.setLong(1, i);
        insert.setString(2, "n" + i);
        insert.addBatch();
      }
      insert.executeBatch();
    }
    try (PreparedStatement query = connection.prepareStatement("SELECT count(*) FROM processed.j WHERE id >= ? AND name LIKE ?")) {
      query.setLong(1, 10);
      query.setString(2, "n%");
      try (ResultSet rows = query.executeQuery()) {
        check(rows.next(), "a count");
        check(rows.getLong(1) == 50, "a batch: " + rows.getLong(1));
      }
      query.setLong(1, 60);
      query.setString(2, "%");
      try (ResultSet rows = query.executeQuery()) {
        check(rows.next() && rows.getLong(1) == 10, "bound again");
      }
    }
  }

  static void types(Connection connection) throws SQLException {
    String sql = "SELECT true AS b, 1.5 AS d, arrow_cast('v', 'Utf8View') AS v, DATE '2026-01-02' AS day, "
        + "TIMESTAMP '2026-01-02 03:04:05' AS at, arrow_cast(1.25, 'Decimal128(10, 2)') AS m, [1, 2] AS l, "
        + "named_struct('a', arrow_cast('x', 'Dictionary(Int32, Utf8)')) AS s, NULL AS n, x'0102' AS y";
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
      check(rows.next(), "a row");
      check(rows.getBoolean("b") && rows.getDouble("d") == 1.5 && rows.getString("v").equals("v"), "plain values");
      check(rows.getDate("day").toString().equals("2026-01-02"), "a date: " + rows.getDate("day"));
      check(rows.getTimestamp("at") != null && rows.getBigDecimal("m").toString().equals("1.25"), "a time, a decimal");
      check(rows.getObject("l") != null && rows.getObject("s") != null && rows.getObject("n") == null, "nested values");
      check(rows.getBytes("y").length == 2, "bytes");
    }
  }

  static void cancel(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      Thread stopper = new Thread(() -> {
        try {
          Thread.sleep(500);
          statement.cancel();
        } catch (Exception error) {
          throw new AssertionError(error);
        }
      });
      stopper.start();
      long began = System.currentTimeMillis();
      try (ResultSet rows = statement.executeQuery("SELECT count(*) FROM generate_series(1, 1000000000000) a WHERE a.value % 7 = 8")) {
        rows.next();
        throw new AssertionError("nothing was cancelled");
      } catch (SQLException error) {
        check(System.currentTimeMillis() - began < 20_000, "cancelled late");
      }
      stopper.join();
    }
  }
}
