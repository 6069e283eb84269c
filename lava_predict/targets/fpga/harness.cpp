// The core in Verilator behind three functions: words to a register, words from one, and whole steps.
#include <cstdint>
#include <vector>
#include "Vcore.h"
#include "verilated.h"

// Numbers of registers, as in bus.py.
enum { STATUS = 0, LEVEL = 5, COUNT = 11, CLOCKS = 12, NORM = 13, MEMORY = 15, ADDRESS = 16, DATA = 17, EVENTS = 32 };

double sc_time_stamp() { return 0; }

struct Device {
    VerilatedContext context;
    Vcore core{&context};
    std::vector<uint32_t> last = std::vector<uint32_t>(128, 0);
    std::vector<bool> known = std::vector<bool>(128, false);

    void clock() {
        core.clk = 1;
        core.eval();
        core.clk = 0;
        core.eval();
    }
    uint32_t transfer(int address, uint32_t data, bool write) {
        core.adr = address;
        core.dat_w = data;
        core.we = write;
        core.stb = 1;
        do clock(); while (!core.ack);
        uint32_t result = core.dat_r;
        core.stb = 0;
        clock();
        return result;
    }
    void set(int address, uint32_t data) {
        if (known[address] && last[address] == data) return;
        known[address] = true;
        last[address] = data;
        transfer(address, data, true);
    }
    uint32_t get(int address) { return transfer(address, 0, false); }
};

extern "C" {
void *fpga_open() { return new Device; }
void fpga_close(void *device) { delete static_cast<Device *>(device); }

void fpga_write(void *device, int address, const uint32_t *words, int64_t count) {
    auto &d = *static_cast<Device *>(device);
    d.known[address] = false;
    for (int64_t n = 0; n < count; n++) d.transfer(address, words[n], true);
}

void fpga_read(void *device, int address, uint32_t *words, int64_t count) {
    auto &d = *static_cast<Device *>(device);
    for (int64_t n = 0; n < count; n++) words[n] = d.get(address);
}

// Rows of inputs are level, then gate and target of each event; rows of outputs are status, |xc|^2 (two words),
// clocks, how many cells spike, then z and what_drive of each event. Returns the steps done.
int64_t fpga_steps(void *device, int64_t steps, int events, int spiking, const uint32_t *inputs, uint32_t *outputs,
                   uint32_t *spikes) {
    auto &d = *static_cast<Device *>(device);
    d.set(MEMORY, spiking);
    for (int64_t step = 0; step < steps; step++) {
        d.set(LEVEL, *inputs++);
        for (int k = 0; k < events; k++)
            for (int field = 0; field < 2; field++) d.set(EVENTS + 4 * k + field, *inputs++);
        d.transfer(STATUS, 1, true);
        uint32_t status = 1;
        while ((status = d.get(STATUS)) & 1)
            for (int n = 0; n < 32; n++) d.clock();
        *outputs++ = status;
        *outputs++ = d.get(NORM);
        *outputs++ = d.get(NORM + 1);
        *outputs++ = d.get(CLOCKS);
        uint32_t count = *outputs++ = d.get(COUNT);
        for (int k = 0; k < events; k++)
            for (int field = 2; field < 4; field++) *outputs++ = d.get(EVENTS + 4 * k + field);
        if (count) d.transfer(ADDRESS, 0, true);
        for (uint32_t n = 0; n < count; n++) *spikes++ = d.get(DATA);
        if (status & 2) return step + 1;
    }
    return steps;
}
}
