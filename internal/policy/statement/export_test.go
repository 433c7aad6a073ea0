package statement

// Parse asks PostgreSQL's parser without the bounds before it.
func Parse(sql string) (why string) {
	_, why = postgres.parse(sql, maxWait)
	return why
}
