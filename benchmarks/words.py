"""The words of the tables, in English and Chinese. What is not here is the same in both."""

from __future__ import annotations

ENGLISH = {
    "skipgram": "skip-gram, negative sampling",
    "cbow": "CBOW, negative sampling",
    "hierarchical": "skip-gram, hierarchical softmax",
    "stamp": "{date}, commit {commit}",
    "changed": "{date}, commit {commit} with changes",
    "machine": "{cpu}, {cores} cores; Python {python}",
    "settings": "{corpus}, {bytes:,} bytes; dim {dim}, window {window}, {negatives} negatives, "
    "subsample {subsample:g}, min_count {min_count}, {epochs} epochs, {threads} threads",
    "skipped": "not measured: {what}: {reason}",
    "crowded": "other programs kept up to {:.1f} cores busy meanwhile: see others_cores of each row in the record",
    "comma": ", ",
    "fasttext": "fastText without parts of words",
}
CHINESE = {
    "Training": "训练",
    "Vocabulary and ids": "词表与编号",
    "Threads": "线程",
    "Memory": "内存",
    "Start-up": "启动",
    "raw words per CPU second": "每 CPU 秒原始词数",
    "× gensim": "为 gensim 的倍数",
    "× one thread": "为单线程的倍数",
    "× corpus once": "为语料一遍的倍数",
    "wall": "用时",
    "CPU": "CPU 时间",
    "peak memory": "内存峰值",
    "vocabulary": "词表大小",
    "learning rate": "学习率",
    "skipgram": "skip-gram，负采样",
    "cbow": "CBOW，负采样",
    "hierarchical": "skip-gram，层次 softmax",
    "white space": "按空白切分",
    "Unicode words": "按 Unicode 词切分",
    "corrected gradient": "修正梯度",
    "gensim's rate": "用 gensim 的学习率",
    "corpus once": "语料一遍",
    "corpus 4 times, same vocabulary": "语料四遍，词表相同",
    "corpus 4 times, same min_count": "语料四遍，min_count 相同",
    "Python alone": "仅 Python",
    "small training, first start: compiles": "小训练，首次启动（含编译）",
    "small training, later starts": "小训练，再次启动",
    "stamp": "{date}，提交 {commit}",
    "changed": "{date}，提交 {commit}，有改动",
    "machine": "{cpu}，{cores} 核；Python {python}",
    "settings": "{corpus}，{bytes:,} 字节；dim {dim}，window {window}，negatives {negatives}，subsample {subsample:g}，"
    "min_count {min_count}，epochs {epochs}，threads {threads}",
    "skipped": "未测：{what}：{reason}",
    "crowded": "测量时其他程序最多占用 {:.1f} 个核：见记录中各行的 others_cores",
    "comma": "，",
    "fasttext": "fastText，不用子词",
}
LANGUAGES: dict[str, dict[str, str]] = {"en": ENGLISH, "zh": CHINESE}
