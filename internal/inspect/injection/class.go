package injection

// A class is what a word can be in a sentence that gives orders. A word may be
// of several: "mail" is sent, and is what is sent.
type class uint64

// The classes of words, and of what is no word but stands for one.
const (
	override class = 1 << iota // ignore, disregard, forget
	prior                      // previous, above, earlier
	order                      // instructions, rules, prompt
	whole                      // all, any, everything
	fresh                      // new, updated, following
	move                       // send, forward, upload
	get                        // read, list, collect
	change                     // grant, delete, unlock
	pay                        // transfer, withdraw, buy
	private                    // passwords, inbox, history
	control                    // access, policy, lock
	money                      // funds, payment, bitcoin
	mine                       // my, our
	user                       // the user
	you                        // you, your
	machine                    // assistant, model, agent
	tool                       // tool, function
	call                       // call, run, use
	say                        // include, reply, append
	reply                      // response, answer
	negation                   // not, never, without
	tell                       // tell, mention, notify
	covert                     // silently, secretly
	please                     // please, kindly
	must                       // must, should, need
	first                      // before, first
	task                       // task, request, question
	exact                      // exactly, verbatim, only
	mode                       // jailbreak, unrestricted, "developer mode"
	pretend                    // act, pretend, behave
	chief                      // system, administrator, operator
	modal                      // can, could, would
	keep                       // remember, memory
	follow                     // follow, obey, comply
	filler                     // then, now, also, and: what may stand before a verb
	asked                      // the form itself asks: "envoyez", a Japanese request
	mention                    // attack, example, phrase: speaks about orders
	greet                      // hi, dear
	anybody                    // anyone, them, me: who is not told
	now                        // now, longer, henceforth
	consent                    // agreed, permission
	want                       // want, need, like: "I want you to"
	direct                     // to, at: before a recipient
	be                         // are, is
	address                    // an e-mail address
	link                       // a URL or the name of a host
	ident                      // a number of an account, a handle, an id
	amount                     // a sum with its currency
	name                       // an identifier with an inner capital or underscore
	quoted                     // a quote opens before it
	told                       // told, asked, instructed: what somebody was ordered
	void                       // void, cancelled, "no longer apply"
	mind                       // AI, "language model": never a person's trade, as agent is
	cond                       // if, once, after
	inner                      // "system prompt", "chat history": what only a model has
	number                     // digits
	dense                      // of a script without spaces
	know                       // know, notice
	edge                       // begin, end: of a turn, or of each answer
	maker                      // developers, creators
	carrier                    // email, message: sent by everybody, and private only when it is somebody's
	impostor                   // "I am the user", "this is the system"
	handle                     // summarise, process: what the reader does with the text
	code                       // code, snippet, and what it goes into: solution, codebase
)

const target = address | link | ident

// has tells whether c is of any class in of.
func (c class) has(of class) bool { return c&of != 0 }

// all tells whether c is of every class in of.
func (c class) all(of class) bool { return c&of == of }
