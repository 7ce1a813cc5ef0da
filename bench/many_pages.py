"""Twenty dashboards as a program: each holds the events open and asks again every five seconds."""
import http.client, sys, threading, time

address, token, pages, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
headers = {"Authorization": f"Bearer {token}"}
end = time.monotonic() + seconds
counts = {"ticks": 0, "answers": 0, "failed": 0}
lock = threading.Lock()


def count(name, number=1):
    with lock:
        counts[name] += number


def follow():
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection(address, timeout=15)
            connection.request("GET", "/api/events", headers=headers)
            response = connection.getresponse()
            while time.monotonic() < end:
                line = response.readline()
                if not line:
                    break
                if line == b"event: tick\n":
                    count("ticks")
        except OSError:
            count("failed")
            time.sleep(1)


def ask(delay):
    time.sleep(delay)
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection(address, timeout=15)
            for path in ("/api/overview", "/api/summary"):
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                response.read()
                count("answers" if response.status == 200 else "failed")
            connection.close()
        except OSError:
            count("failed")
        time.sleep(5)


threads = [threading.Thread(target=follow) for _ in range(pages)]
threads += [threading.Thread(target=ask, args=(5 * at / pages,)) for at in range(pages)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(counts["ticks"], counts["answers"], counts["failed"])
