// A contestant of the benchmark in bench/ann: hnswlib behind the line protocol
// that all contestants speak (see worker.go). Built by the benchmark with
// g++ -O3 -march=native against Debian's libhnswlib-dev.
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using Clock = std::chrono::steady_clock;

static double seconds(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

static std::vector<float> load(const std::string &path, size_t dims, bool normalize) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) {
    std::cerr << "cannot read " << path << "\n";
    std::exit(1);
  }
  std::vector<float> v(size_t(in.tellg()) / sizeof(float));
  in.seekg(0);
  in.read(reinterpret_cast<char *>(v.data()), std::streamsize(v.size() * sizeof(float)));
  // Cosine is the inner product of unit vectors: hnswlib leaves the division to
  // its caller.
  for (size_t i = 0; normalize && i + dims <= v.size(); i += dims) {
    double s = 0;
    for (size_t j = 0; j < dims; j++) s += double(v[i + j]) * v[i + j];
    float f = s > 0 ? float(1 / std::sqrt(s)) : 0;
    for (size_t j = 0; j < dims; j++) v[i + j] *= f;
  }
  return v;
}

static long peakKiB() {
  std::ifstream in("/proc/self/status");
  std::string line;
  while (std::getline(in, line))
    if (line.rfind("VmHWM:", 0) == 0) return std::atol(line.c_str() + 6);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 8) {
    std::cerr << "usage: harness base queries dims cosine|l2 m ef_construction k\n";
    return 1;
  }
  const size_t dims = std::strtoul(argv[3], nullptr, 10);
  const bool cosine = std::string(argv[4]) == "cosine";
  const size_t m = std::strtoul(argv[5], nullptr, 10);
  const size_t efc = std::strtoul(argv[6], nullptr, 10);
  const size_t k = std::strtoul(argv[7], nullptr, 10);
  const std::vector<float> base = load(argv[1], dims, cosine);
  const std::vector<float> queries = load(argv[2], dims, cosine);
  const size_t n = base.size() / dims, nq = queries.size() / dims;

  hnswlib::L2Space l2(dims);
  hnswlib::InnerProductSpace ip(dims);
  hnswlib::SpaceInterface<float> *space = &l2;
  if (cosine) space = &ip;
  hnswlib::HierarchicalNSW<float> *graph = nullptr;

  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "build") {
      size_t threads;
      words >> threads;
      delete graph;
      auto start = Clock::now();
      graph = new hnswlib::HierarchicalNSW<float>(space, n, m, efc);
      graph->addPoint(base.data(), 0);
      std::atomic<size_t> next{1};
      std::vector<std::thread> pool;
      for (size_t t = 0; t < threads; t++)
        pool.emplace_back([&] {
          for (size_t i; (i = next++) < n;) graph->addPoint(base.data() + i * dims, i);
        });
      for (auto &t : pool) t.join();
      double took = seconds(start);
      const std::string file = std::string(argv[1]) + ".hnswlib";
      graph->saveIndex(file);
      std::ifstream saved(file, std::ios::binary | std::ios::ate);
      std::cout << "{\"seconds\":" << took << ",\"bytes\":" << long(saved.tellg())
                << ",\"peak_kib\":" << peakKiB() << "}" << std::endl;
      std::remove(file.c_str());
    } else if (verb == "search") {
      // search EF THREADS MIN_SECONDS FILE
      size_t ef, threads;
      double least;
      std::string out;
      words >> ef >> threads >> least >> out;
      graph->setEf(ef);
      std::vector<int> ids(nq * k, -1);
      std::vector<std::vector<double>> lat(threads);
      std::atomic<size_t> done{0};
      auto start = Clock::now();
      std::vector<std::thread> pool;
      for (size_t t = 0; t < threads; t++)
        pool.emplace_back([&, t] {
          // At least one whole pass over this thread's queries, then until time is up.
          for (bool first = true; first || seconds(start) < least; first = false)
            for (size_t i = t; i < nq; i += threads) {
              auto q0 = Clock::now();
              auto found = graph->searchKnn(queries.data() + i * dims, k);
              lat[t].push_back(seconds(q0) * 1e6);
              done++;
              for (size_t r = found.size(); r > 0; r--) {
                ids[i * k + r - 1] = int(found.top().second);
                found.pop();
              }
            }
        });
      for (auto &t : pool) t.join();
      double took = seconds(start);
      std::vector<double> all;
      for (auto &l : lat) all.insert(all.end(), l.begin(), l.end());
      std::sort(all.begin(), all.end());
      std::ofstream(out, std::ios::binary)
          .write(reinterpret_cast<const char *>(ids.data()), std::streamsize(ids.size() * sizeof(int)));
      std::cout << "{\"qps\":" << double(done) / took << ",\"p50_us\":" << all[all.size() / 2]
                << ",\"p99_us\":" << all[all.size() * 99 / 100] << ",\"peak_kib\":" << peakKiB() << "}"
                << std::endl;
    } else {
      std::cout << "{\"error\":\"unknown verb\"}" << std::endl;
    }
  }
}
