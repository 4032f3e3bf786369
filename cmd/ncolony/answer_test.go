package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// answer SOCKET FILE is a server for scripts: it answers every request with the
// status code in the file, after the time behind it if there is one: "200 100ms".
// Without the file it never answers. Each request is a line in SOCKET.asked.
func answer() {
	socket, file := os.Args[1], os.Args[2]
	os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, "answer:", err)
		os.Exit(1)
	}
	err = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f, err := os.OpenFile(socket+".asked", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			fmt.Fprintln(f, r.URL)
			f.Close()
		}
		b, _ := os.ReadFile(file)
		text, pause, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
		wait, _ := time.ParseDuration(pause)
		code := 0
		if _, err := fmt.Sscan(text, &code); err != nil {
			<-r.Context().Done()
			return
		}
		time.Sleep(wait)
		w.WriteHeader(code)
	}))
	fmt.Fprintln(os.Stderr, "answer:", err)
	os.Exit(1)
}
