// The classes of Glue's Java half that `GlueContext(…)` and `Job(…)` of the awsglue package ask for, which Amazon does
// not give away. Written in Scala, since Spark brings that compiler: no JDK is needed.
package com.amazonaws.services.glue {
  class GlueContext(val spark: org.apache.spark.SparkContext)

  package log {
    class GlueLogger
  }

  package util {
    import org.apache.spark.sql.SparkSession

    object Job {
      private var initialized = false

      /** Tells what it was given: in Glue the security configuration takes effect here. */
      def init(name: String, spark: SparkSession, arguments: java.util.Map[String, String]): Unit = {
        initialized = true
        System.err.println(s"job.init $name, security configuration ${arguments.get("SECURITY_CONFIGURATION")}")
      }

      def isInitialized: Boolean = initialized

      def commit(): Unit = System.err.println("job.commit")
    }
  }
}
