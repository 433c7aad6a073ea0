// Package sqltest starts servers of SQL for tests, each with one of its own.
package sqltest
