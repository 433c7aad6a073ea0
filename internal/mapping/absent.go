package mapping

// What Doorward does not have, as docs/explanation/threat-model.md says it.
const (
	noSandbox = "no whole sandbox of child processes but on Linux"
	noBreaker = "no circuit breaker towards a server that fails"
	noEgress  = "where a server that is reached by url itself connects to is not seen"
	noBackup  = "no backup of its own: data_dir is a directory to back up"
	noNetwork = "no search of the network for MCP listeners"
	noPackage = "no proof of who made the package behind a command, and no bill of materials"
)
