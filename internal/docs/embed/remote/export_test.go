package remote

// Clean is clean, for fuzzing.
func Clean(message, key string) string { return clean(message, key) }

// Numbers is numbers and unit, for fuzzing.
func Numbers(text []byte, e *OpenAI) ([]float32, error) {
	list, err := numbers(text)
	if err != nil {
		return nil, err
	}
	return unit(e.Model(), list)
}
