package cli

// coreDumps is the variable with which whoever looks for a fault has Doorward leave a core file.
const coreDumps = "DOORWARD_CORE_DUMPS"
