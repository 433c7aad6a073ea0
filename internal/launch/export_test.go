package launch

// SplitString splits what env -S is given.
func SplitString(text string) ([]string, error) { return splitString(text) }
