package config

// Upstream is one MCP server: a program to run, a URL, or one of Doorward's own.
type Upstream struct {
	// Command is the program and its arguments, spoken to over standard input and output. Either command, url or builtin.
	Command []string `yaml:"command"`
	// URL of a server: http or https, or ws or wss for transport websocket. Either command or url.
	URL string `yaml:"url" type:"url"`
	// Builtin is a server of Doorward's own, in place of command and url: docs searches documents, files serves the files below a directory, sql reads tables of a database, commands runs the commands that are listed.
	Builtin string `yaml:"builtin" enum:"docs files sql commands"`
	// Root of builtin files is the directory that is served. Relative: to the configuration file.
	Root string `yaml:"root" type:"directory"`
	// MaxFile of builtin files is the most that one call reads or writes, and the largest file that is searched.
	MaxFile Size `yaml:"max_file"`
	// Write of builtin files lets clients write, move and delete files. What is deleted goes to .doorward-trash in root.
	Write bool `yaml:"write"`
	// Ignore of builtin files are patterns of paths that do not exist for clients, whatever their case: of a name, or with a / of a whole path, in which ** stands for any directories. Not written: names that usually hold secrets, and .git.
	Ignore []string `yaml:"ignore" type:"pattern"`
	// DSN of builtin sql is the secret with the database's URL: postgres://USER:PASSWORD@HOST/DATABASE, to another machine with sslmode=verify-full, mysql://USER:PASSWORD@HOST/DATABASE or mariadb://…, or sqlite:/PATH. The secret is read for each call.
	DSN string `yaml:"dsn" type:"secret name"`
	// Tables of builtin sql are those that can be read: a table, a schema and a table (public.orders), or a whole schema (public.*). A view reads what it is made of, in SQLite only where that is listed too; in MySQL and MariaDB it is refused.
	Tables []string `yaml:"tables" type:"table"`
	// Mask of builtin sql are columns that nobody reads, by table. In SQLite they read as NULL; elsewhere the role or account must not be allowed to read them, or nothing is read.
	Mask map[string][]string `yaml:"mask" key:"table" type:"column"`
	// Timeout of builtin sql is how long one call may take: 30s unless written.
	Timeout Duration `yaml:"timeout"`
	// Rows of builtin sql are how many one answer has at most: 1000 unless written.
	Rows int `yaml:"rows"`
	// Bytes of builtin sql are how large the rows of one answer are at most, as JSON: 1MiB unless written.
	Bytes Size `yaml:"bytes"`
	// MaxCost of builtin sql is what the planner of PostgreSQL or MySQL may estimate for a statement, and how many rows MariaDB's may expect to look at; one above it is not run. Any unless written. Not for SQLite, which estimates nothing.
	MaxCost int `yaml:"max_cost"`
	// Index of builtin docs is where the documents are kept.
	Index DocumentIndex `yaml:"index"`
	// Embedder of builtin docs makes vectors of them and of questions.
	Embedder DocumentEmbedder `yaml:"embedder"`
	// Passage of builtin docs is how large the pieces are that documents are cut into, about: 1500 bytes unless written.
	Passage Size `yaml:"passage"`
	// Access of builtin docs says who may read some of the documents: the first rule that matches a document counts, and with rules a document that none matches is nobody's. Without any they are everybody's who may use the upstream. A change takes effect when all documents are brought in again.
	Access []DocumentAccess `yaml:"access"`
	// Findings of builtin docs says what becomes of a document in which a detector finds something grave, as text that nobody sees or that bids a model: block does not let it in, keep lets it in, and what is found of it is inspected as any answer. block unless written.
	Findings string `yaml:"findings" enum:"block keep"`
	// Commands of builtin commands are what can be run, each as a tool of its name. A command is the list of its words, or a mapping with them in argv. {NAME} in a word stands for the value of a parameter; nothing is read by a shell.
	Commands map[string]NamedCommand `yaml:"commands" key:"command"`
	// Parameters of builtin commands are those that commands name, each with the rule that its values keep to. A tool has those that its command names.
	Parameters map[string]Parameter `yaml:"parameters" key:"parameter"`
	// Transport that a url speaks: streamable is Streamable HTTP, sse the HTTP+SSE of 2024-11-05, websocket needs a ws or wss URL and is implied by one.
	Transport string `yaml:"transport" enum:"streamable sse websocket"`
	// TLSKey is the one key that a https or wss server may have, whatever its certificate says: sha256: and the SHA-256, in hex, of its SubjectPublicKeyInfo. Any that the certificate allows unless written.
	TLSKey string `yaml:"tls_key"`
	// CA is the file with the certificates, PEM, that the certificate of a https or wss server is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
	// Env are variables of a command's environment, each with the name of the secret that is its value, or with request:HEADER of identity.request_keys where the lifetime is call. Nothing else of Doorward's own environment reaches a command, but PATH, HOME, LANG and their like.
	Env map[string]string `yaml:"env" key:"variable" type:"secret name"`
	// Credential that a url is sent with every request. It is attached last, and what a client sent never is.
	Credential *Credential `yaml:"credential"`
	// UnknownArguments are those that a tool's schema does not name: schema does as the schema says, and lets them pass where it says nothing; refuse refuses them there, at every level.
	UnknownArguments string `yaml:"unknown_arguments" enum:"schema refuse"`
	// Limits of one upstream.
	Limits Limits `yaml:"limits"`
	// Arguments gives parameters of the upstream's tools and prompts a type, by name: path, url, host, sql, command, email, identifier, text, or json for a text that is JSON itself; path/windows, sql/mysql and sql/sqlite say how the upstream reads them. An argument of that name, wherever it stands, must be of the type, and rules judge it by meaning.
	Arguments map[string]string `yaml:"arguments" key:"parameter" enum:"command email host identifier json path path/windows sql sql/mysql sql/postgres sql/sqlite text url"`
	// Sandbox of a command, or of each command that builtin commands runs; one process for each call then.
	Sandbox Sandbox `yaml:"sandbox"`
	// AllowLaunch are the launch rules that the command may break; without it a command that breaks one is refused. code: its words hold a program (python -c, sh -c), or an interpreter has no script; runs: it runs other commands in a way that is not looked into (xargs, find -exec); fetches: what it runs is fetched at each start, and nothing holds that to a digest; container: its container gets hold of this machine; variables: a variable changes which code runs or where it connects; path: its program is named by a relative path, or with ..; disguised: it is a shell under another name; writable: everybody on this machine may replace its program; rights: it runs with the rights of another user. Each start says so on record.
	AllowLaunch []string `yaml:"allow_launch" enum:"code runs fetches container variables path disguised writable rights"`
	// Labels say of tools and prompts, and of resources by their URI, what they do with data, by name or by a pattern in which * stands for anything: private where they read what is not public, untrusted where they read what anybody may have written, leaves where what a call carries leaves the house, acts where a call speaks, pays or destroys. An empty list says none of it. Of a name that nothing here matches, Doorward guesses by the definition. trust.flows says what follows.
	Labels map[string][]string `yaml:"labels" key:"tool" enum:"private untrusted leaves acts"`
	// Tenants whom it is for: to everybody else, who is of another tenant or of none, it does not exist. Everybody's unless written.
	Tenants []string `yaml:"tenants"`
	// Declares is what its operator answers for: what it is for, and under which terms.
	Declares Declares `yaml:"declares"`
}

// NamedCommand is one that builtin commands runs.
type NamedCommand struct {
	// Argv is the program and its arguments, without a shell.
	Argv []string `yaml:"argv"`
	// Description of what it does, for clients and whoever approves it.
	Description string `yaml:"description"`
	// Directory that it starts in. That of the configuration file unless written.
	Directory string `yaml:"directory" type:"directory"`
	// Timeout after which it is ended, with all that it has started: 30s unless written, and at most 2s less than limits.timeout, which is 28s unless that is written.
	Timeout Duration `yaml:"timeout"`
	// Output is how much of standard output, and of standard error, an answer has: 256KiB unless written.
	Output Size `yaml:"output"`
	// ReadOnly says that it changes nothing. Nobody checks it; clients are told so, and no rule of flows takes it for one that acts.
	ReadOnly bool `yaml:"read_only"`
}

// Parameter is what the value of one may be.
type Parameter struct {
	// Description for clients.
	Description string `yaml:"description"`
	// Type of the value: text needs enum or pattern, integer needs minimum and maximum, identifier is a name of letters, digits and _ . - / + @, path needs under. Text unless written.
	Type string `yaml:"type" enum:"text integer identifier path"`
	// Enum are the values that it may have.
	Enum []string `yaml:"enum"`
	// Pattern is a regular expression (RE2) that matches the whole value. A value that begins with a dash is refused all the same where it begins a word.
	Pattern string `yaml:"pattern" type:"pattern"`
	// MaxLength of the value in bytes: 256 unless written.
	MaxLength int `yaml:"max_length"`
	// Minimum of an integer.
	Minimum *int `yaml:"minimum"`
	// Maximum of an integer.
	Maximum *int `yaml:"maximum"`
	// Under are the directories that a path is in. A path is absolute, and no link on its way leads out.
	Under []string `yaml:"under" type:"directory"`
	// Default is taken where a call sends none; without it the parameter is required.
	Default Scalar `yaml:"default"`
}

// Declares is what an operator says of an upstream. Nobody checks it.
type Declares struct {
	// Purpose of the upstream in the house, in a few words.
	Purpose string `yaml:"purpose"`
	// AIAct is the risk class of its use under the EU AI Act (Regulation 2024/1689). What the Act prohibits has no class here.
	AIAct string `yaml:"ai_act" enum:"minimal limited high"`
	// Licence of its software, as an SPDX expression such as MIT.
	Licence string `yaml:"licence"`
}
