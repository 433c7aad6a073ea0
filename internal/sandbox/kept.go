package sandbox

// Kept is what keeps one limit of a command.
type Kept struct {
	Limit string `json:"limit"`
	By    string `json:"by"`
}
