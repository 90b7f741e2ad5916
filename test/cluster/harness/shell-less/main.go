// The whole of an image without a shell: says what it was started with, one JSON value a line, and ends with the exit
// status that STATUS says.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

func main() {
	for _, name := range []string{"GREETING", "BUILDKITE_JOB_ID"} {
		say(name, os.Getenv(name))
	}
	say("argv", os.Args)
	say("uid", os.Getuid())
	status, _ := strconv.Atoi(os.Getenv("STATUS"))
	os.Exit(status)
}

func say(name string, value any) {
	text, _ := json.Marshal(value)
	fmt.Printf("%s: %s\n", name, text)
}
