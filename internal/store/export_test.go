package store

// OpenSmallFileIncidents is OpenFileIncidents of a list that takes no more than so many
// bytes of what is opened.
func OpenSmallFileIncidents(dir string, key [32]byte, opening int) (*Incidents, error) {
	return openFileIncidents(dir, key, opening, nil)
}
